/* SPDX-License-Identifier: GPL-2.0 */
#ifndef EVENKEEL_DAEMON_NAT_H
#define EVENKEEL_DAEMON_NAT_H

#include "daemon/daemon.h"
#include "net/net.h"

/* Why a nat backend's answers would not reach clients, as a sentence in `text`, and the command
 * that mends it in `remedy`. False: they do, for all that can be seen from here. `hop` is the way
 * to the backend, by which its answers come. */
#define NAT_TEXT_MAX 256
bool nat_problem(char text[static NAT_TEXT_MAX], char remedy[static NAT_TEXT_MAX],
		 const struct daemon *d, const struct ek_addr *backend, const struct hop *hop);

#endif

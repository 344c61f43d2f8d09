/* SPDX-License-Identifier: GPL-2.0 */
/* Tells the data path which Ethernet addresses are this host's: a frame to another one was not
 * sent to it. */
#ifndef EVENKEEL_DAEMON_MACS_H
#define EVENKEEL_DAEMON_MACS_H

#include "daemon/daemon.h"

struct macs;

int macs_open(struct macs **out);
void macs_close(struct macs *m);

/* Brings the data path to what the interfaces have now; nothing to do if nothing changed. Call
 * when links may have changed, and about every second. */
void macs_sync(struct daemon *d);

#endif

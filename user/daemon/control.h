/* SPDX-License-Identifier: GPL-2.0 */
/* The control socket: who may connect, lines in, lines out. See evenkeel/ctl.h. */
#ifndef EVENKEEL_DAEMON_CONTROL_H
#define EVENKEEL_DAEMON_CONTROL_H

#include "daemon/daemon.h"

/* Takes the socket's path, in place of one that nobody listens on any more. -EBUSY: another
 * daemon does. What is wrong is logged. Clients wait until control_start(). */
int control_open(struct control **out, struct daemon *d);
int control_start(struct control *c);
void control_close(struct control *c);

#endif

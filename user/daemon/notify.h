/* SPDX-License-Identifier: GPL-2.0 */
#ifndef EVENKEEL_DAEMON_NOTIFY_H
#define EVENKEEL_DAEMON_NOTIFY_H

/* Tells the service manager (sd_notify(3), without its library), if there is one. */
void notify_manager(const char *state);

#endif

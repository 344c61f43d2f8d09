/* SPDX-License-Identifier: GPL-2.0 */
#ifndef EVENKEEL_DAEMON_SOCKET_H
#define EVENKEEL_DAEMON_SOCKET_H

#include <sys/types.h>

/* Binds and listens on a Unix socket at `path`, mode 0660 for the group "evenkeel" if there is
 * one, else 0600. A file that nobody listens on is replaced; -EBUSY if somebody does. Logs. */
int socket_listen(int *out, const char *path);

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/* Runs the operator's program for each alert, with its JSON on standard input: a few at a time,
 * for a bounded time, each in a process group of its own. */
#ifndef EVENKEEL_DAEMON_HOOK_H
#define EVENKEEL_DAEMON_HOOK_H

#include "daemon/daemon.h"

struct hooks;

/* `program` must live as long. */
int hooks_open(struct hooks **out, uv_loop_t *loop, const char *program);
/* Ends what runs. The loop has to run on until all handles are closed. */
void hooks_close(struct hooks *h);

/* Runs it with the text, which it takes over; what cannot be run is logged. */
void hook_run(struct hooks *h, char *text);

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/* A mount and a network namespace, with a bpffs, that end with the process: nothing is left behind
 * whatever happens. */
#ifndef EVENKEEL_TESTS_SANDBOX_H
#define EVENKEEL_TESTS_SANDBOX_H

/* Where the bpffs is. */
extern char sandbox_bpffs[];

/* 0, or -1: for cmocka's setup. */
int sandbox_enter(void);
/* Cmocka's teardown. */
int sandbox_leave(void **state);

/* A command that must not fail. */
void shell(const char *command);

#endif

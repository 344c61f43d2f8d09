/* SPDX-License-Identifier: GPL-2.0 */
/* From where a request came, as far as the kernel and the environment of whoever asks say. */
#ifndef EVENKEEL_DAEMON_ORIGIN_H
#define EVENKEEL_DAEMON_ORIGIN_H

#include "store/journal.h"

/* Fills in actor->origin from actor->pid: the address of its SSH session, or "this host"; and who
 * logged in, where that is somebody else than the user that asks (sudo). */
void origin_find(struct journal_actor *actor);

/* The uids of those who may be behind it: its own, of whoever logged in, and of the processes that it came
 * from. Each once; returns how many, at most `max`. */
size_t origin_people(const struct journal_actor *actor, uint32_t *uids, size_t max);

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/* Health checks: one attempt at a time to reach a backend as its configuration says, without
 * blocking. Knows no states, no intervals and no maps. */
#ifndef EVENKEEL_CHECK_CHECK_H
#define EVENKEEL_CHECK_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/config.h"

/* Makes checks, many at once. */
struct checks;

int checks_open(struct checks **out);
/* All of its checkers are freed. Commands that still run are killed. */
void checks_close(struct checks *c);

/* The descriptor to poll for reading; how long, at most, before checks_process() has something to
 * do all the same (-1: for ever); and that. */
int checks_fd(const struct checks *c);
int checks_wait_ms(const struct checks *c);
void checks_process(struct checks *c);

enum check_outcome {
	CHECK_PASSED,
	CHECK_FAILED,
	CHECK_MISSED, /* could not be made here, which says nothing of the backend */
};

#define CHECK_REASON_MAX 192
#define CHECK_ANSWER_MAX 32

struct check_result {
	enum check_outcome outcome;
	uint32_t latency_us;
	char reason[CHECK_REASON_MAX]; /* a sentence; "" after success */
	char answer[CHECK_ANSWER_MAX]; /* http: how a page begins that passed */
};

/* Called once for each attempt. Must not free the checker. */
typedef void (*check_done)(void *context, const struct check_result *result);

struct check_target {
	const char *service, *backend; /* names, for commands */
	struct ek_addr addr;
	uint16_t port;
};

/* What makes one check of one backend. The configuration and the names of `target` must outlive it.
 * -ENOMEM, or 0. */
struct checker;
int checker_make(struct checker **out, struct checks *c, const struct config_check *config,
		 const struct check_target *target, check_done done, void *context);
/* Begins an attempt; none may be under way. The result comes within the timeout, perhaps before
 * this returns. */
void checker_begin(struct checker *k);
/* An attempt under way ends without a result. */
void checker_free(struct checker *k);

#endif

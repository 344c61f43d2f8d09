/* SPDX-License-Identifier: GPL-2.0 */
/* Who answers now? What is known of backends that are checked, and one attempt at those that are not
 * yet, or otherwise. Waits, at most some seconds. */
#ifndef EVENKEEL_DAEMON_ASK_H
#define EVENKEEL_DAEMON_ASK_H

#include "check/check.h"
#include "daemon/daemon.h"
#include "daemon/health.h"
#include "lib/lint.h"

struct asked_backend {
	const char *service;
	const struct config_backend *backend;
	const struct config_check *check; /* that is being made; NULL: none */
	struct checker *checker;
	bool is_asked; /* evenkeeld does not check it in this way yet */
	bool known;    /* false: there is no way to ask it from here */
	bool passes;
	char reason[HEALTH_TEXT_MAX + 16]; /* why not */
};

struct asked {
	struct asked_backend *backends;
	size_t count;
};

/* All backends of `c` that may get new flows: what health knows, and else what they say. `commands`: of
 * checks that are one, too; not for somebody who may only look, whose commands they would be. -errno, or
 * 0. */
int ask_backends(struct asked *out, const struct daemon *d, const struct config *c, bool commands);
void ask_release(struct asked *a);

/* Those that were asked, for lints. Allocated, `*count` of them; NULL when memory runs out. */
struct lint_live *ask_live(const struct asked *a, size_t *count);

#endif

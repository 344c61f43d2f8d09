/* SPDX-License-Identifier: GPL-2.0 */
/* What a configuration says about changes: limits of the gates, lints that are silenced, and what
 * this file removes. Pure; part of lib/config.h. */
#ifndef EVENKEEL_LIB_CONFIG_GUARDS_H
#define EVENKEEL_LIB_CONFIG_GUARDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/diag.h"
#include "lib/addr.h"

/* The limits, keys of `guards`; docs/guards.md has the reason for each default:
 * X(ENUM, "key", default, most, what is looser). Percentages but for eligible, services, removed. */
#define GUARD_LIMITS(X)                                                                            \
	X(SHARE, "share", 200, 10000, LOOSER_ABOVE)                                                \
	X(GROWTH, "growth", 150, 100000, LOOSER_ABOVE)                                             \
	X(LOAD, "load", 125, 100000, LOOSER_ABOVE)                                                 \
	X(PEAK, "peak", 200, 100000, LOOSER_ABOVE)                                                 \
	X(ELIGIBLE, "eligible", 2, 65535, LOOSER_BELOW)                                            \
	X(ANSWERING, "answering", 67, 100, LOOSER_BELOW)                                           \
	X(SERVICES, "services", 5, 65535, LOOSER_ABOVE)                                            \
	X(SERVICES_SHARE, "services_share", 20, 100, LOOSER_ABOVE)                                 \
	X(REMOVED, "removed", 0, 65535, LOOSER_ABOVE)

enum guard_limit {
#define GUARD_LIMIT_ENUM(id, ...) LIMIT_##id,
	GUARD_LIMITS(GUARD_LIMIT_ENUM) GUARD_LIMIT_COUNT
#undef GUARD_LIMIT_ENUM
};

struct config_guards {
	uint32_t limit[GUARD_LIMIT_COUNT];
	struct place place; /* of the limits' mapping */
};
extern const struct config_guards config_guards_default;

const char *guard_limit_name(enum guard_limit limit); /* "share" */
/* The first limit that is looser in `b` than in `a`; GUARD_LIMIT_COUNT if none is. */
enum guard_limit config_guards_loosened(const struct config_guards *a,
					const struct config_guards *b);

/* A lint that is not to be told of, and why. */
#define LINT_NAME_MAX 31
#define SILENCE_REASON_MAX 255
struct config_silence {
	char lint[LINT_NAME_MAX + 1];
	char service[EK_NAME_MAX + 1]; /* "": everywhere */
	char reason[SILENCE_REASON_MAX + 1];
	struct place place;
};

/* The name of a service, or the canonical text of a listener, that is meant to go. It is about the
 * change, not about how things are afterwards, and so not in the canonical text. */
struct config_removal {
	char what[ENDPOINT_TEXT_MAX];
	struct place place;
};

#endif

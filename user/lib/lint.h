/* SPDX-License-Identifier: GPL-2.0 */
/* Lints: what a configuration may say, and rarely means. Pure. Parsing refuses what is impossible;
 * these find what is likely to be a mistake, and can be silenced in the file, with a reason. */
#ifndef EVENKEEL_LIB_LINT_H
#define EVENKEEL_LIB_LINT_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/config.h"

enum lint_severity { LINT_ERROR, LINT_WARNING };

/* X(ENUM, "name", severity, "what it finds", "what to do") */
#define LINTS(X)                                                                                   \
	X(FOREIGN_ADDRESS, "foreign-address", LINT_WARNING,                                        \
	  "a backend outside the subnet of its peers", "look for a typed digit")                   \
	X(TWO_NAMES, "two-names", LINT_WARNING, "two names for one address",                       \
	  "give one host one name in all services")                                                \
	X(ODD_PORT, "odd-port", LINT_WARNING, "a port unlike its peers'",                          \
	  "look for a typed digit")                                                                \
	X(WEIGHT_OUTLIER, "weight-outlier", LINT_WARNING,                                          \
	  "a weight of 10 times its peers' median or more", "look for a zero too many")            \
	X(ALL_ON_ONE, "all-on-one", LINT_WARNING,                                                  \
	  "a pool of which only one backend gets new flows", "give others a weight")               \
	X(POOL_SHRINKS, "pool-shrinks", LINT_WARNING,                                              \
	  "a pool that shrinks by half, or to one backend", "look for lines that were lost")       \
	X(DISAPPEARS, "disappears", LINT_ERROR,                                                    \
	  "a service or listener that is gone, and nobody said so",                                \
	  "if it is meant, say so: --remove NAME, or removed: [NAME] in the file")                 \
	X(UNREACHABLE, "unreachable", LINT_WARNING,                                                \
	  "a backend that cannot be reached, or does not pass its checks",                         \
	  "look at its address, and at the server")                                                \
	X(NONE_HEALTHY, "none-healthy", LINT_ERROR, "health checks that no backend passes",        \
	  "look at the check's port and path")                                                     \
	X(TIMEOUTS, "timeouts", LINT_WARNING, "times that do not work together",                   \
	  "make the one longer, or the other shorter")                                             \
	X(NAMES_ALIKE, "names-alike", LINT_WARNING,                                                \
	  "two names that differ in one letter, or look the same", "rename one")                   \
	X(LOOK_ALIKE, "look-alike", LINT_ERROR,                                                    \
	  "characters that look like others, as a Cyrillic letter in a Latin word",                \
	  "type the word anew")                                                                    \
	X(LINE_ENDS, "line-ends", LINT_WARNING, "line ends of Windows",                            \
	  "save the file with Unix line ends (dos2unix)")                                          \
	X(SILENCE, "silence", LINT_WARNING, "a silence that silences nothing", "remove it")

enum lint {
#define LINT_ENUM(id, ...) LINT_##id,
	LINTS(LINT_ENUM) LINT_COUNT
#undef LINT_ENUM
};

const char *lint_name(enum lint lint);
enum lint_severity lint_severity(enum lint lint);
const char *lint_what(enum lint lint);
const char *lint_remedy(enum lint lint);

#define LINT_TEXT_MAX 320

struct lint_finding {
	enum lint lint;
	struct place place; /* line 0: the file as a whole, or no file */
	char service[EK_NAME_MAX + 1], backend[EK_NAME_MAX + 1]; /* "": not about one */
	char text[LINT_TEXT_MAX];
	const struct config_silence *silence; /* of the configuration; NULL: it is told */
};

struct lint_report {
	struct lint_finding *findings; /* by place */
	size_t count, capacity;
	size_t errors, warnings; /* that are told */
	bool out_of_memory;
};

/* What a probe found out about a backend. */
struct lint_live {
	const char *service, *backend;
	bool passes;
	const char *reason; /* why not */
};

struct lint_input {
	const struct config *config;
	const char *text; /* it was read from; NULL: none */
	size_t length;
	/* Services that are equal in there are not looked at; NULL: all are. */
	const struct config *same;
	const struct config *old;     /* in force; NULL: none, or not known */
	const struct lint_live *live; /* NULL: nobody was asked */
	size_t live_count;
};

/* Findings of all lints. Silences in `in->config` stay referred to. */
void lint_run(struct lint_report *out, const struct lint_input *in);
void lint_release(struct lint_report *r);

/* Is there such a finding already, about the same service and backend? */
bool lint_known(const struct lint_report *r, const struct lint_finding *f);

/* "file:line:column: warning: text [name]", allocated; NULL when memory runs out. */
char *lint_line(const struct lint_finding *f, const char *file);

#endif

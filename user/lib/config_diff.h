/* SPDX-License-Identifier: GPL-2.0 */
/* What differs between two configurations, as lines for people. Works on canonical texts
 * (config_text()), so that no key can be forgotten. Pure. */
#ifndef EVENKEEL_LIB_CONFIG_DIFF_H
#define EVENKEEL_LIB_CONFIG_DIFF_H

#include <stdbool.h>
#include <stddef.h>

struct config_difference {
	char *path; /* "service web: backend web-1: weight": equal where the same thing differs */
	char *text; /* "100 -> 1000", "added", "removed (10.0.1.1, weight 100)" */
};

struct config_diff {
	struct config_difference *entries;
	size_t count, capacity;
};

/* In the order of the texts; what is new comes last. -EINVAL: one is no canonical text; -ENOMEM. */
int config_diff_make(struct config_diff *out, const char *from, const char *to);
void config_diff_release(struct config_diff *d);

/* "service web: backend web-1: weight 100 -> 1000"; allocated. */
char *config_difference_line(const struct config_difference *d);

/* The entry about the same thing, or NULL. */
const struct config_difference *config_diff_find(const struct config_diff *d, const char *path);

/* Does anything of the service differ? With `key`: anything whose name begins so ("health"). */
bool config_diff_touches(const struct config_diff *d, const char *service, const char *key);
/* Does anything differ in it besides its backends? */
bool config_diff_beyond_pool(const struct config_diff *d, const char *service);

/* All lines in one, cut with "and N more" where they would be longer than `size`. */
char *config_diff_summary(const struct config_diff *d, char *out, size_t size);

#endif

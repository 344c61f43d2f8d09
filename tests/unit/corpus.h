/* SPDX-License-Identifier: GPL-2.0 */
/* A corpus of sane configurations, of legitimate changes, and of mistakes: for the question whether
 * the gates let the ones pass and hold the others. */
#ifndef EVENKEEL_TESTS_CORPUS_H
#define EVENKEEL_TESTS_CORPUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CORPUS_TEXT_MAX 8192
#define CORPUS_SANE 20

struct corpus_service {
	const char *name, *forward;
	unsigned int backends;
	bool ipv6;
	uint32_t weights[2]; /* of backends with even and odd numbers */
	const char *health;  /* a line, or NULL */
};

struct corpus_sane {
	struct corpus_service services[6];
	size_t count;
	bool history; /* its traffic, and what servers have borne, is known */
};
extern const struct corpus_sane corpus_sane[CORPUS_SANE];

/* A change of it on the way to text. */
struct corpus_edit {
	unsigned int first;    /* number of the first backend; 0 is 1 */
	unsigned int backends; /* instead of the sane number; 0: that */
	unsigned int without;  /* leave out this backend; 0: none */
	unsigned int drained, weighed,
		net; /* backend drained; with `weight`; third byte of addresses */
	uint32_t weight;
	const char *service_text; /* more of the first service */
	const char *more;         /* behind all services */
	unsigned int skip;        /* number of a service to leave out; 0: none */
	bool renamed, green; /* other names; the second half of the pool instead of the first */
};

/* The text of the configuration, with the edit made in its first service. */
void corpus_text(char out[static CORPUS_TEXT_MAX], const struct corpus_sane *sane,
		 const struct corpus_edit *edit);

#define MUTATIONS(X)                                                                               \
	X(SWAPPED_DIGITS, "swapped digits")                                                        \
	X(DUPLICATED_LINE, "duplicated line")                                                      \
	X(LOST_LINE, "lost line")                                                                  \
	X(LOST_LINES, "lost lines")                                                                \
	X(EXTRA_ZERO, "extra zero")                                                                \
	X(WEIGHT_ZERO, "zero in a weight")                                                         \
	X(WRONG_PORT, "wrong port")                                                                \
	X(STALE_ADDRESS, "stale address")                                                          \
	X(STALE_ADDRESSES, "stale addresses")                                                      \
	X(SWAPPED_LISTENERS, "swapped listeners")                                                  \
	X(SWAPPED_POOLS, "swapped pools")                                                          \
	X(TABS, "tabs")                                                                            \
	X(TRUNCATED, "truncated")

enum mutation {
#define MUTATION_ENUM(id, name) MUTATION_##id,
	MUTATIONS(MUTATION_ENUM) MUTATION_COUNT
#undef MUTATION_ENUM
};
extern const char *const mutation_names[MUTATION_COUNT];

/* The text with that mistake, where `random` says. False if it has no place in this text. */
bool corpus_mutate(char out[static CORPUS_TEXT_MAX], const char *text, enum mutation mutation,
		   uint64_t random);

#endif

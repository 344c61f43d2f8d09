/* SPDX-License-Identifier: GPL-2.0 */
/* Prometheus' text format, version 0.0.4: families with HELP and TYPE, samples with labels.
 * Pure. */
#ifndef EVENKEEL_LIB_EXPOSITION_H
#define EVENKEEL_LIB_EXPOSITION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The text so far; starts as {}. */
struct exposition {
	char *text; /* owned, not terminated */
	size_t length, capacity;
	bool out_of_memory; /* what came after is not in it: it is of no use */
};
void exposition_release(struct exposition *e);

enum exposition_type { EXPOSITION_COUNTER, EXPOSITION_GAUGE, EXPOSITION_HISTOGRAM };

/* What a sample says. An unknown one is left out: a series that is absent is not 0. */
struct exposition_value {
	enum { VALUE_UNKNOWN, VALUE_COUNT, VALUE_REAL } kind;
	uint64_t count;
	double real;
};
static inline struct exposition_value value_count(uint64_t count)
{
	return (struct exposition_value){ .kind = VALUE_COUNT, .count = count };
}
static inline struct exposition_value value_real(double real)
{
	return (struct exposition_value){ .kind = VALUE_REAL, .real = real };
}

/* Begins a family; its samples follow. `help` is one line without backslashes. */
void exposition_family(struct exposition *e, const char *name, enum exposition_type type,
		       const char *help);

/* One sample. `labels` is what labels_add() wrote, or "". */
void exposition_sample(struct exposition *e, const char *name, const char *labels,
		       struct exposition_value value);

/* Bytes as they are. */
void exposition_raw(struct exposition *e, const char *bytes, size_t length);

/* Label pairs as they are written, braces left out; starts as {}. */
#define LABELS_MAX 512
struct labels {
	char text[LABELS_MAX];
	size_t length;
};
/* Adds name="value", escaped, whatever bytes the value has: what is not UTF-8 becomes '?'. A
 * value that does not fit is cut, between characters. Returns the text. */
const char *labels_add(struct labels *l, const char *name, const char *value);

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/* Reading the tree: scalars of each type, and mappings by a table of their keys. */
#ifndef EVENKEEL_LIB_CONFIG_READ_H
#define EVENKEEL_LIB_CONFIG_READ_H

#include "lib/config_internal.h"

struct reader;

/* A key of a mapping. `want` completes "NAME must be ..."; `read` may be NULL: then its value
 * means nothing to this version. */
struct key {
	const char *name;
	const char *want;
	void (*read)(const struct reader *r, const struct key *key, const struct node *value,
		     void *object);
	uint32_t min, max; /* numbers; durations in seconds */
};

#define SCHEMA_KEYS_MAX 32

struct schema {
	const char *where; /* "in a service" */
	const char *list;  /* the keys, for people */
	const struct key *keys;
	size_t count;
};

struct reader {
	const struct tree *tree;
	struct diag *d;
	const struct schema *const *schemas; /* all there are, to say where a key belongs */
	size_t schema_count;
};

struct pair {
	const struct node *key, *value;
};

const char *node_text(const struct reader *r, const struct node *n);

/* Walks: start with {} and NULL. A key whose value is missing (a syntax error) ends a mapping. */
bool next_pair(const struct reader *r, const struct node *mapping, struct pair *p);
const struct node *next_item(const struct reader *r, const struct node *sequence,
			     const struct node *item);
size_t node_count(const struct reader *r, const struct node *n); /* children; two for a pair */

/* True if the value is of that kind and, as a scalar, not empty; otherwise it is reported. */
bool expect_kind(const struct reader *r, const struct key *key, const struct node *value,
		 enum node_kind kind);

/* Each leaves `out` untouched after reporting a value that does not fit. */
void read_number(const struct reader *r, const struct key *key, const struct node *value,
		 uint32_t *out);
void read_duration(const struct reader *r, const struct key *key, const struct node *value,
		   uint32_t *out);
/* The same, in milliseconds, as are key->min and max: "500ms", "2s". */
void read_duration_ms(const struct reader *r, const struct key *key, const struct node *value,
		      uint32_t *out);
void read_bool(const struct reader *r, const struct key *key, const struct node *value, bool *out);
/* One of `words`; its index in *out. Returns false after reporting. */
bool read_choice(const struct reader *r, const struct key *key, const struct node *value,
		 const char *const *words, size_t count, uint32_t *out);

/* Takes a key as a name. One that cannot be is reported, and kept if it fits: the name helps
 * in what else there is to say. */
void read_name(const struct reader *r, const struct node *key, const char *what,
	       char name[static EK_NAME_MAX + 1]);

/* calloc(); NULL is noted in the diagnostics. */
void *read_allocate(const struct reader *r, size_t count, size_t size);

/* Reads each key once; unknown and repeated ones are reported. Returns the set of keys that
 * were there, mistyped ones included, by their index in the schema. */
unsigned int read_mapping(const struct reader *r, const struct schema *s,
			  const struct node *mapping, void *object);

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/* Reading JSON results leniently: what is missing, null or of another type reads as nothing,
 * so that the command can show the answers of an older or newer daemon. */
#ifndef EVENKEEL_CLI_FACTS_H
#define EVENKEEL_CLI_FACTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

static inline void json_release(json_t **j)
{
	json_decref(*j);
}

const char *fact_text(const json_t *object, const char *key); /* "" if there is none */
uint64_t fact_count(const json_t *object, const char *key);   /* 0 if there is none */
double fact_share(const json_t *object, const char *key);     /* negative if there is none */
bool fact_true(const json_t *object, const char *key);

/* The element of an array whose "name" is `name`, or NULL. */
const json_t *fact_named(const json_t *array, const char *name);

/* The texts of an array joined by `separator`, allocated; NULL when memory runs out. */
char *fact_join(const json_t *array, const char *separator);

/* Prints on stdout: over several lines, or on one. */
void fact_print(const json_t *value, bool one_line);

#endif

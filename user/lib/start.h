/* SPDX-License-Identifier: GPL-2.0 */
/* Slow start: a backend that comes to a pool that serves already grows to its weight over a set
 * time. Pure.
 *
 * It begins with a tenth, and grows in steps of a twentieth of the time. But what it does not take
 * the others have: it begins with more where one of them would otherwise get more than the guard
 * lets anybody grow (guard.h), say when most of a pool is replaced at once. It may also take such
 * a leap later, when another backend dies meanwhile. */
#ifndef EVENKEEL_LIB_START_H
#define EVENKEEL_LIB_START_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define START_WHOLE 256u /* parts of a weight */
#define START_LEAST 26u
#define START_STEPS 20u

/* A backend's start: one word, so that it outlives the controller in the maps. `part` 0: there is
 * none. */
struct start {
	uint32_t since_s;    /* CLOCK_MONOTONIC */
	uint16_t from, part; /* of START_WHOLE: then, and now */
};

uint64_t start_word(const struct start *s);
struct start start_of_word(uint64_t word);

/* The part that it should have by now; START_WHOLE when `duration_s` is over. */
uint16_t start_due(const struct start *s, uint32_t duration_s, uint32_t now_s);
/* Until it has its whole weight. */
uint32_t start_left_s(const struct start *s, uint32_t duration_s, uint32_t now_s);

struct start_member {
	uint32_t weight;  /* that it is to have in the end; 0: it is not eligible */
	double old_share; /* in the table in force; 0: none */
	uint16_t part;    /* 0: it is not starting */
};

/* What those that are starting must have at least, START_LEAST or more. */
uint16_t start_least(const struct start_member *members, size_t count);

#endif

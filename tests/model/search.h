/* SPDX-License-Identifier: GPL-2.0 */
/* Breadth-first search: every state that the scene's steps reach, up to its depth. */
#ifndef EVENKEEL_MODEL_SEARCH_H
#define EVENKEEL_MODEL_SEARCH_H

#include <stddef.h>
#include <stdio.h>

#include "world.h"

struct finding {
	size_t states;
	uint8_t slots, idle_s;
	fault wrong;          /* NULL: nothing is */
	struct step path[64]; /* the shortest way there */
	unsigned int length;
};

/* -ENOMEM, or 0. */
int search(const struct scene *c, const struct rules *r, struct finding *out);

/* The way there, in words, each line begun with `prefix`. */
void finding_print(FILE *to, const char *prefix, const struct rules *r, const struct finding *f);

#endif

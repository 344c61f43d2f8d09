// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include "evenkeel/limits.h"
#include "lib/diag.h"

#define EDITS_MAX 2
#define WORD_MAX (EK_NAME_MAX + 1)

static size_t min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Damerau-Levenshtein distance in which no part is edited twice (optimal string alignment);
 * both words are at most WORD_MAX long. The three rows of the matrix take turns. */
static size_t distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
	size_t row[3][WORD_MAX + 1];

	for (size_t j = 0; j <= b_len; j++)
		row[0][j] = j;
	for (size_t i = 1; i <= a_len; i++) {
		size_t *now = row[i % 3], *above = row[(i + 2) % 3], *above2 = row[(i + 1) % 3];

		now[0] = i;
		for (size_t j = 1; j <= b_len; j++) {
			size_t replaced = above[j - 1] + (a[i - 1] != b[j - 1]);

			now[j] = min_size(replaced, min_size(above[j], now[j - 1]) + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				now[j] = min_size(now[j], above2[j - 2] + 1);
		}
	}
	return row[a_len % 3][b_len];
}

const char *suggest(const char *word, const char *const *candidates, size_t count)
{
	size_t length = strlen(word);
	size_t nearest = EDITS_MAX + 1;
	const char *found = NULL;

	if (length > WORD_MAX)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		size_t other = strlen(candidates[i]);
		size_t edits;

		if (other > WORD_MAX || other > length + EDITS_MAX || length > other + EDITS_MAX)
			continue;
		edits = distance(word, length, candidates[i], other);
		if (edits < nearest && 2 * edits < length) {
			nearest = edits;
			found = candidates[i];
		}
	}
	return found;
}

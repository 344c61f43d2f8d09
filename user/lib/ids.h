/* SPDX-License-Identifier: GPL-2.0 */
/* Rows that keep what they know when a pool changes: where was it before? Pure. */
#ifndef EVENKEEL_LIB_IDS_H
#define EVENKEEL_LIB_IDS_H

#include <stddef.h>
#include <stdint.h>

/* Where `id` is among `count` ids that stand `stride` bytes apart, looked for at `hint` first;
 * `count` if it is not there. */
static inline size_t ids_find(const uint32_t *ids, size_t stride, size_t count, uint32_t id,
			      size_t hint)
{
	const char *at = (const char *)ids;

	if (hint < count && *(const uint32_t *)(at + hint * stride) == id)
		return hint;
	for (size_t i = 0; i < count; i++)
		if (*(const uint32_t *)(at + i * stride) == id)
			return i;
	return count;
}

#endif

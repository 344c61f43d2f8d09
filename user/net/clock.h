/* SPDX-License-Identifier: GPL-2.0 */
/* Private to net/. */
#ifndef EVENKEEL_NET_CLOCK_H
#define EVENKEEL_NET_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Milliseconds that only go forward. */
static inline uint64_t clock_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

#endif

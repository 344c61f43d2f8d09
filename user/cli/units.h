/* SPDX-License-Identifier: GPL-2.0 */
/* Numbers as people read them. */
#ifndef EVENKEEL_CLI_UNITS_H
#define EVENKEEL_CLI_UNITS_H

#include <stdint.h>

#define UNITS_MAX 32

const char *units_count(uint64_t n, char buf[static UNITS_MAX]);    /* "9999", "12.3k", "4.56M" */
const char *units_bytes(uint64_t n, char buf[static UNITS_MAX]);    /* "512 B", "1.50 MiB" */
const char *units_share(double share, char buf[static UNITS_MAX]);  /* "25.0 %"; "-": none */
const char *units_time(int64_t unix_s, char buf[static UNITS_MAX]); /* "2026-01-31 23:59:59" */

/* `width` characters of which share/full are filled, and a | at expected/full. */
const char *units_bar(double share, double expected, double full, unsigned int width,
		      char buf[static UNITS_MAX]);

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/* What is measured in the kernel's loop: a row is a packet, what becomes of it, and its aim. */
#ifndef EVENKEEL_TESTS_BENCH_ROWS_H
#define EVENKEEL_TESTS_BENCH_ROWS_H

#include <stdint.h>

#include "packet.h"
#include "report.h"

/* Rows that others are compared with; they stand at these places. */
enum {
	ROW_TX,
	ROW_SWAP,
	ROW_L2_CACHE,
	ROW_L3_CACHE,
	ROW_DRAM,
	ROW_ENCAP4,
	ROW_ENCAP6,
	ROW_V4_64K,
	ROW_V4_1M,
};

struct row {
	const char *name;
	const char *program;
	struct packet_spec packet;
	unsigned int log2_flows;
	int floor;         /* its encapsulation floor, or REPORT_NONE */
	int growth;        /* expected, of the frame */
	uint32_t verdict;  /* expected */
	uint32_t services; /* how many consecutive addresses are asked for; 0 is 1 */
	uint32_t table;    /* words of the table that a memory floor reads */
	struct aim aim;
	const struct packet_spec *second; /* of a program that takes two kinds in turn */
	int second_growth;
};

extern const struct row rows[];
extern const size_t rows_count;

#endif

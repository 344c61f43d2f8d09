/* SPDX-License-Identifier: GPL-2.0 */
/* Seeded chance for the tests of skew and balance. */
#ifndef EVENKEEL_TESTS_BALANCE_CASE_H
#define EVENKEEL_TESTS_BALANCE_CASE_H

#include <stddef.h>
#include <stdint.h>

#include "evenkeel/abi.h"

double case_random(uint64_t *seed);              /* in (0, 1) */
uint64_t case_word(uint64_t *seed);              /* 64 random bits */
double case_normal(uint64_t *seed);              /* mean 0, deviation 1 */
double case_pareto(uint64_t *seed, double tail); /* at least 1, tail exponent `tail` */
uint64_t case_poisson(uint64_t *seed, double mean);
uint64_t case_binomial(uint64_t *seed, uint64_t n, double p);

/* A client of 0..clients-1, the n-th with a probability of about 1 / (n + 1). */
uint32_t case_zipf(uint64_t *seed, uint32_t clients);

/* Spreads n over `count` by their shares (which sum to 1). */
void case_multinomial(uint64_t *seed, uint64_t n, const double *shares, size_t count,
		      uint64_t *out);

struct ek_addr case_addr(uint32_t number); /* 10.0.0.0 + number */

#endif

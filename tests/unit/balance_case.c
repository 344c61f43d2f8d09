// SPDX-License-Identifier: GPL-2.0
#include "balance_case.h"

#include <arpa/inet.h>
#include <math.h>

/* splitmix64 (Steele, Lea, Flood, OOPSLA 2014) */
uint64_t case_word(uint64_t *seed)
{
	uint64_t z = *seed += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

double case_random(uint64_t *seed)
{
	return ((double)(case_word(seed) >> 11) + 0.5) / 9007199254740992.0;
}

double case_normal(uint64_t *seed)
{
	return sqrt(-2 * log(case_random(seed))) * cos(2 * M_PI * case_random(seed));
}

double case_pareto(uint64_t *seed, double tail)
{
	return pow(case_random(seed), -1 / tail);
}

/* By inversion where few are expected, by the normal distribution where many are. */
uint64_t case_poisson(uint64_t *seed, double mean)
{
	double left = case_random(seed), p = exp(-mean);
	uint64_t n = 0;

	if (mean > 100) {
		double value = mean + sqrt(mean) * case_normal(seed);

		return value > 0 ? (uint64_t)(value + 0.5) : 0;
	}
	while (left > p && n < 1000) {
		left -= p;
		p *= mean / (double)++n;
	}
	return n;
}

uint64_t case_binomial(uint64_t *seed, uint64_t n, double p)
{
	double mean = (double)n * p, left, q;
	uint64_t k = 0;

	if (p <= 0 || !n)
		return 0;
	if (p >= 1)
		return n;
	if (p > 0.5)
		return n - case_binomial(seed, n, 1 - p);
	if (mean > 200) {
		double value = mean + sqrt(mean * (1 - p)) * case_normal(seed);

		return value < 0 ? 0 : value > (double)n ? n : (uint64_t)(value + 0.5);
	}
	left = case_random(seed);
	q = exp((double)n * log1p(-p));
	while (left > q && k < n) {
		left -= q;
		q *= (double)(n - k) / (double)(k + 1) * p / (1 - p);
		k++;
	}
	return k;
}

uint32_t case_zipf(uint64_t *seed, uint32_t clients)
{
	return (uint32_t)(pow((double)clients, case_random(seed)) - 1);
}

void case_multinomial(uint64_t *seed, uint64_t n, const double *shares, size_t count, uint64_t *out)
{
	double left = 1;

	for (size_t i = 0; i < count; i++) {
		out[i] = i + 1 == count || left <= shares[i]
				 ? n
				 : case_binomial(seed, n, shares[i] / left);
		n -= out[i];
		left -= shares[i];
	}
}

struct ek_addr case_addr(uint32_t number)
{
	struct ek_addr a = { 0 };

	a.be16[5] = 0xffff;
	a.be32[3] = htonl(0x0a000000 + number);
	return a;
}

// SPDX-License-Identifier: GPL-2.0
#include "lib/chance.h"

#include <math.h>

/* Beyond this erfc() nears the least number that a double can hold; the first term of its series
 * is within 0.1 % of the surprise there. */
#define ERFC_Z_MAX 30.0

double chance_bennett(double variance, double departure, double largest)
{
	double u;

	if (!(departure > 0))
		return 0;
	if (!(variance > 0) || !(largest > 0))
		return INFINITY;
	u = largest * departure / variance;
	/* Where u is small log1p(u) - u loses its digits: the series, u / 3 of which is
	 * negligible. */
	if (u < 1e-4)
		return departure * departure / (2 * variance);
	return variance / (largest * largest) * ((1 + u) * log1p(u) - u);
}

double chance_normal(double z)
{
	if (!(z > 0))
		return 0;
	if (z > ERFC_Z_MAX)
		return z * z / 2 + log(z * sqrt(2 * M_PI));
	return -log(erfc(z / M_SQRT2) / 2);
}

double chance_chi_square(double statistic, double freedom)
{
	double spread;

	if (!(statistic > 0) || !(freedom > 0))
		return 0;
	spread = 2 / (9 * freedom);
	return chance_normal((cbrt(statistic / freedom) - (1 - spread)) / sqrt(spread));
}

/* The logarithm of how many ways there are to choose k of n. */
static double choices(uint64_t n, uint64_t k)
{
	return lgamma((double)n + 1) - lgamma((double)k + 1) - lgamma((double)(n - k) + 1);
}

double chance_fisher(uint64_t bad, uint64_t all, uint64_t others_bad, uint64_t others)
{
	uint64_t every = all + others, every_bad = bad + others_bad;
	uint64_t most = every_bad < all ? every_bad : all;
	double first, term = 1, sum = 0;

	/* Not more than fall to them on average. */
	if (bad > all || others_bad > others ||
	    (double)bad * (double)every <= (double)every_bad * (double)all)
		return 0;
	first = choices(every_bad, bad) + choices(every - every_bad, all - bad) -
		choices(every, all);
	/* Above the average each term is less than the one before it. */
	for (uint64_t k = bad; k <= most && term > sum * 1e-12; k++) {
		sum += term;
		term *= (double)(every_bad - k) / (double)(k + 1) * (double)(all - k) /
			((double)(every - every_bad) + (double)(k + 1) - (double)all);
	}
	return fmax(0, -first - log(sum));
}

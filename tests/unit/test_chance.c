// SPDX-License-Identifier: GPL-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#include "lib/chance.h"

/* The probability that a Poisson variable is at least k, as a surprise. */
static double poisson_surprise(double mean, double k)
{
	double term = exp(k * log(mean) - mean - lgamma(k + 1)), sum = 0;

	for (; term > sum * 1e-12; term *= mean / ++k)
		sum += term;
	return -log(sum);
}

static void a_bound_on_chance_is_a_bound(void **state)
{
	for (double mean = 0.1; mean < 1000; mean *= 1.7)
		for (double k = ceil(mean) + 1; k < mean * 3 + 20; k += ceil(mean / 10))
			assert_true(chance_bennett(mean, k - mean, 1) <= poisson_surprise(mean, k));
}

static void bounds_are_near_the_normal_distribution_where_terms_are_many(void **state)
{
	for (double z = 3; z < 12; z++) {
		double normal = chance_normal(z), bound = chance_bennett(1e9, z * sqrt(1e9), 1);

		assert_true(bound <= normal);
		assert_true(bound > normal - log(z * sqrt(2 * M_PI)) - 0.2);
	}
	assert_true(fabs(chance_normal(6) - 20.7367) < 1e-3); /* 9.866e-10 */
	assert_true(fabs(chance_normal(29.999) - chance_normal(30.001)) < 0.1);
}

/* Tables: P(X >= 3.841) = 0.05 with one degree of freedom, and so on. */
static void chi_square_is_as_in_tables(void **state)
{
	static const double rows[][3] = {
		{ 3.841, 1, 0.05 },    { 18.307, 10, 0.05 },   { 23.209, 10, 0.01 },
		{ 29.588, 10, 0.001 }, { 124.342, 100, 0.05 }, { 149.449, 100, 0.001 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_true(fabs(chance_chi_square(rows[i][0], rows[i][1]) + log(rows[i][2])) <
			    0.1);
}

/* One cell against a large rest, with as few as are let into the test, at the surprise that raises
 * an alarm: the approximation is off by less than what the union bound gives away. */
static void chi_square_holds_far_out_where_cells_are_large_enough(void **state)
{
	double mean = CHANCE_CELL_MIN;

	for (double k = mean; k < mean + 10 * sqrt(mean); k++)
		if (chance_chi_square((k - mean) * (k - mean) / mean, 1) < 18)
			assert_true(chance_chi_square((k - mean) * (k - mean) / mean, 1) <
				    poisson_surprise(mean, k) + 2);
}

/* Fisher's lady tells all four cups of milk first from four others: 1 in 70 by chance. */
static void fisher_is_as_in_his_book(void **state)
{
	assert_true(fabs(chance_fisher(4, 4, 0, 4) - log(70)) < 1e-9);
	assert_true(fabs(chance_fisher(3, 4, 1, 4) - log(70 / 17.0)) < 1e-9);
}

/* Every table of up to 30 things, against a sum over all ways to draw. */
static void fisher_is_exact(void **state)
{
	double choose[31][31] = {};

	for (unsigned int n = 0; n <= 30; n++)
		for (unsigned int k = 0; k <= n; k++)
			choose[n][k] = k && k < n ? choose[n - 1][k - 1] + choose[n - 1][k] : 1;
	for (unsigned int all = 1; all <= 15; all++)
		for (unsigned int others = 1; others <= 15; others++)
			for (unsigned int bad = 0; bad <= all; bad++)
				for (unsigned int worse = 0; worse <= others; worse++) {
					unsigned int n = all + others, m = bad + worse;
					double sum = 0,
					       found = chance_fisher(bad, all, worse, others);

					for (unsigned int k = bad; k <= all && k <= m; k++)
						if (all - k <= n - m)
							sum += choose[m][k] *
							       choose[n - m][all - k];
					if (bad * n <= m * all)
						assert_true(found == 0);
					else
						assert_true(fabs(found +
								 log(sum / choose[n][all])) < 1e-6);
				}
}

static void fisher_says_nothing_where_there_is_nothing(void **state)
{
	assert_true(chance_fisher(0, 0, 0, 0) == 0);
	assert_true(chance_fisher(10, 10, 0, 0) == 0);
	assert_true(chance_fisher(0, 10, 5, 10) == 0);
	assert_true(chance_fisher(5, 3, 0, 10) == 0);
}

static void fisher_does_not_wear_out(void **state)
{
	double much = chance_fisher(600000, 1000000, 500000, 1000000);

	assert_true(isfinite(much) && much > 9000);
	assert_true(chance_fisher(500100, 1000000, 500000, 1000000) < 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bound_on_chance_is_a_bound),
		cmocka_unit_test(bounds_are_near_the_normal_distribution_where_terms_are_many),
		cmocka_unit_test(chi_square_is_as_in_tables),
		cmocka_unit_test(chi_square_holds_far_out_where_cells_are_large_enough),
		cmocka_unit_test(fisher_is_as_in_his_book),
		cmocka_unit_test(fisher_is_exact),
		cmocka_unit_test(fisher_says_nothing_where_there_is_nothing),
		cmocka_unit_test(fisher_does_not_wear_out),
	};

	return cmocka_run_group_tests_name("chance", tests, NULL, NULL);
}

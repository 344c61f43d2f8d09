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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bound_on_chance_is_a_bound),
		cmocka_unit_test(bounds_are_near_the_normal_distribution_where_terms_are_many),
		cmocka_unit_test(chi_square_is_as_in_tables),
		cmocka_unit_test(chi_square_holds_far_out_where_cells_are_large_enough),
	};

	return cmocka_run_group_tests_name("chance", tests, NULL, NULL);
}

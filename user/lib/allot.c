// SPDX-License-Identifier: GPL-2.0
#include "lib/allot.h"

#include "evenkeel/sample.h"

/* Halvings of an interval that begins no wider than the budget: to a thousandth of a packet. */
#define ROUNDS 24

static double sum_at_most(const double *rates, size_t count, double most)
{
	double sum = 0;

	for (size_t i = 0; i < count; i++)
		sum += rates[i] < most ? rates[i] : most;
	return sum;
}

double allot_most(const double *rates, size_t count, double budget)
{
	double low = 0, high = budget;

	for (int i = 0; i < ROUNDS; i++) {
		double middle = (low + high) / 2;

		if (sum_at_most(rates, count, middle) <= budget)
			low = middle;
		else
			high = middle;
	}
	return low;
}

uint8_t allot_shift(double rate, double most)
{
	uint8_t shift = 0;

	while (shift < EK_SAMPLE_SHIFT_MAX && rate > most) {
		rate /= 2;
		shift++;
	}
	return shift;
}

/* SPDX-License-Identifier: GPL-2.0 */
/* How much chance explains. Pure.
 *
 * Everything is in nats of surprise, -ln of a probability: 20 nats are one in 485 million. */
#ifndef EVENKEEL_LIB_CHANCE_H
#define EVENKEEL_LIB_CHANCE_H

#include <stdint.h>

/* The least surprise at a sum of independent terms, each with mean 0 and at most `largest`, with
 * `variance` altogether, that departs from 0 by `departure` to one side (Bennett, JASA 1962):
 *
 *     P(S >= d) <= exp(-v/b^2 h(b d / v)),  h(u) = (1 + u) ln(1 + u) - u
 *
 * It is a bound, not an approximation: it holds for ten terms as for ten million, and for terms
 * that are weighted differently, as those of a moving average are. With many terms it is nearly
 * the normal distribution's. */
double chance_bennett(double variance, double departure, double largest);

/* The surprise at a chi-square statistic (Pearson 1900) at least this high with that many degrees
 * of freedom, by Wilson's and Hilferty's cube root (PNAS 1931). Approximate: use it where each
 * cell expects CHANCE_CELL_MIN or more. */
double chance_chi_square(double statistic, double freedom);

/* Cochran (1954) asks for 5 at the 5 % level. Far out in the tail, where alarms are, more is
 * needed: with 20 one would be seen there 80 times as often as chi-square says, with 100 less than
 * 8 times; asking overlapping averages each second is counted 20 times too often and more than
 * covers it. */
#define CHANCE_CELL_MIN 100.0

/* Of `all` and `others` things together bad + others_bad are bad. The surprise at `bad` or more of them
 * among the first ones, if chance alone says which they are (Fisher's exact test, one side: R. A. Fisher,
 * "The Design of Experiments", 1935). Exact, however few there are: who is compared with nobody is no
 * surprise. */
double chance_fisher(uint64_t bad, uint64_t all, uint64_t others_bad, uint64_t others);

/* The surprise at a normal variable of at least z deviations; 0 below its mean. */
double chance_normal(double z);

#endif

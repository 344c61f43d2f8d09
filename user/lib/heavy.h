/* SPDX-License-Identifier: GPL-2.0 */
/* The heaviest clients of a stream, in bounded memory. Pure.
 *
 * Space-Saving (Metwally, Agrawal, El Abbadi, ICDT 2005), with weights, and with decay as in
 * Cormode et al. (ICDE 2008): what is new takes the place of the lightest and inherits its weight
 * as a possible error. So for each item, with W the weight of all that was added:
 *
 *     weight - error <= its true weight <= weight;  the weights of all items sum to W;
 *     whatever is heavier than W / capacity is there.
 *
 * An item is a client and the backend that had the packet, so a client whose flows are spread
 * evenly is not taken for one that loads a single backend. */
#ifndef EVENKEEL_LIB_HEAVY_H
#define EVENKEEL_LIB_HEAVY_H

#include <stddef.h>
#include <stdint.h>

#include "evenkeel/abi.h"

struct heavy_item {
	struct ek_addr client;
	uint32_t backend;
	double weight, error;
};

struct heavy;

/* `key` is random: nobody can choose clients that collide. -ENOMEM, -EINVAL (capacity 0 or above
 * HEAVY_CAPACITY_MAX), or 0. */
#define HEAVY_CAPACITY_MAX 65536u
int heavy_open(struct heavy **out, uint32_t capacity, uint64_t key);
void heavy_close(struct heavy *h);
static inline void heavy_release(struct heavy **h)
{
	heavy_close(*h);
}

/* One sampled packet; weight 1, or its length. In the logarithm of the capacity. */
void heavy_add(struct heavy *h, const struct ek_addr *client, uint32_t backend, double weight);

/* All weights become `factor` (0..1) of themselves: exp(-seconds / horizon) forgets as a moving
 * average does. Call once a second. */
void heavy_decay(struct heavy *h, double factor);

/* The items, in no order; valid until the next call that adds or decays. */
size_t heavy_items(const struct heavy *h, const struct heavy_item **items);

double heavy_total(const struct heavy *h);   /* W */
double heavy_samples(const struct heavy *h); /* how often something was added, decayed likewise */

/* The sum of the squares of all items' shares of W, and the largest share; both are upper bounds.
 * 1 / squares is as many items of equal weight as would spread as unevenly by chance. 1 and 1 if
 * nothing was added. */
void heavy_spread(const struct heavy *h, double *squares, double *largest);

#endif

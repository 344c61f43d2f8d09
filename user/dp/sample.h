/* SPDX-License-Identifier: GPL-2.0 */
/* What the data path lets us see of its packets; evenkeel/sample.h says how it chooses them. */
#ifndef EVENKEEL_DP_SAMPLE_H
#define EVENKEEL_DP_SAMPLE_H

#include "dp/dp.h"

/* Who reads samples keeps what it needs to know how many packets each one stands for. */
struct dp_sampler;
int dp_sampler_open(struct dp_sampler **out, struct dp *dp); /* -ENOMEM, or 0 */
void dp_sampler_close(struct dp_sampler *s);

/* Which shift is in force for the backend. */
uint8_t dp_sampled_every(const struct dp *dp, uint32_t backend);
/* From now on one in 2^shift of the backend's packets, or none: EK_SAMPLE_OFF. */
void dp_sample_every(struct dp_sampler *s, struct dp *dp, uint32_t backend, uint8_t shift);

/* Hands over what was sampled since the last call: `packets` is how many the sample stands for,
 * itself included. Returns how often a CPU found no room. */
typedef void (*dp_sample_reader)(void *context, const struct ek_sample *sample, double packets);
uint64_t dp_samples_read(struct dp_sampler *s, struct dp *dp, dp_sample_reader read, void *context);

/* Hands over each sampled SYN that was followed, or was not for `wait_s` seconds, and forgets
 * it. */
typedef void (*dp_handshake_reader)(void *context, uint32_t backend, bool followed);
void dp_handshakes_read(struct dp *dp, uint32_t now_s, uint32_t wait_s, dp_handshake_reader read,
			void *context);

#endif

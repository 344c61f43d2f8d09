// SPDX-License-Identifier: GPL-2.0
#include "dp/sample.h"

#include <errno.h>
#include <stdlib.h>

struct dp_sampler {
	uint64_t *full; /* by CPU: how much of it was told */
	uint32_t *last; /* by CPU and backend: the count of the packet sampled last */
};

int dp_sampler_open(struct dp_sampler **out, struct dp *dp)
{
	struct dp_sampler *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->full = calloc(dp->cpus, sizeof(*s->full));
	s->last = calloc((size_t)dp->cpus * dp->sizes.backends, sizeof(*s->last));
	if (!s->full || !s->last) {
		dp_sampler_close(s);
		return -ENOMEM;
	}
	/* What is there was sampled for a reader before this one, some time ago. */
	for (uint32_t cpu = 0; cpu < dp->cpus; cpu++) {
		s->full[cpu] = dp->samples[cpu].full;
		dp->samples[cpu].read = dp->samples[cpu].written;
	}
	*out = s;
	return 0;
}

void dp_sampler_close(struct dp_sampler *s)
{
	if (!s)
		return;
	free(s->full);
	free(s->last);
	free(s);
}

static uint8_t *shift_of(const struct dp *dp, uint32_t backend)
{
	return &dp->sample_shifts[backend / 8].shift[backend % 8];
}

uint8_t dp_sampled_every(const struct dp *dp, uint32_t backend)
{
	return *shift_of(dp, backend);
}

/* Where the distance shrinks the next sample would come by the old one, in hours perhaps. */
void dp_sample_every(struct dp_sampler *s, struct dp *dp, uint32_t backend, uint8_t shift)
{
	uint8_t was = __atomic_exchange_n(shift_of(dp, backend), shift, __ATOMIC_SEQ_CST);

	for (uint32_t cpu = 0; shift < was && cpu < dp->cpus; cpu++) {
		size_t at = (size_t)cpu * dp->sizes.backends + backend;

		s->last[at] = (uint32_t)dp->traffic[at].packets;
		__atomic_store_n(&dp->traffic[at].sample_at, 0, __ATOMIC_RELAXED);
	}
}

/* Packets of this backend on this CPU since its last sample: weights add up to what was counted,
 * whatever the distances were. More than the largest distance is a time when nobody sampled. */
static double packets_of(struct dp_sampler *s, const struct dp *dp, uint32_t cpu,
			 const struct ek_sample *sample)
{
	uint8_t shift = *shift_of(dp, sample->backend);
	uint32_t *last = &s->last[(size_t)cpu * dp->sizes.backends + sample->backend];
	uint32_t packets = sample->count - *last;
	uint32_t most = 2u << (shift < EK_SAMPLE_SHIFT_MAX ? shift : EK_SAMPLE_SHIFT_MAX);

	*last = sample->count;
	return packets < most ? packets : most;
}

uint64_t dp_samples_read(struct dp_sampler *s, struct dp *dp, dp_sample_reader read, void *context)
{
	uint64_t missed = 0;

	for (uint32_t cpu = 0; cpu < dp->cpus; cpu++) {
		struct ek_sample_ring *r = &dp->samples[cpu];
		uint64_t written = __atomic_load_n(&r->written, __ATOMIC_ACQUIRE), at = r->read;

		missed += r->full - s->full[cpu];
		s->full[cpu] = r->full;
		/* Not ours, if somebody writes the maps by hand. */
		if (written - at > EK_SAMPLES)
			at = written;
		for (; at != written; at++) {
			struct ek_sample sample = r->sample[at & (EK_SAMPLES - 1)];

			if (sample.backend && sample.backend < dp->sizes.backends)
				read(context, &sample, packets_of(s, dp, cpu, &sample));
		}
		__atomic_store_n(&r->read, written, __ATOMIC_RELEASE);
	}
	return missed;
}

void dp_handshakes_read(struct dp *dp, uint32_t now_s, uint32_t wait_s, dp_handshake_reader read,
			void *context)
{
	for (uint32_t i = 0; i < EK_HANDSHAKES; i++) {
		uint64_t note = __atomic_load_n(&dp->handshakes[i], __ATOMIC_RELAXED);
		uint32_t backend = ek_handshake_backend(note);

		if (!note ||
		    (!(note & EK_HANDSHAKE_FOLLOWED) && ek_handshake_age(note, now_s) < wait_s))
			continue;
		/* It may be followed at this very moment: then it is told so. */
		note = __atomic_exchange_n(&dp->handshakes[i], 0, __ATOMIC_RELAXED);
		if (backend < dp->sizes.backends)
			read(context, backend, note & EK_HANDSHAKE_FOLLOWED);
	}
}

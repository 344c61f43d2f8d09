/* SPDX-License-Identifier: GPL-2.0 */
#include "daemon/sample.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/log.h"
#include "dp/install.h"

/* One more than the window: a difference needs both ends. */
#define RING (SAMPLE_WINDOW_S + 1)

struct counts {
	uint64_t packets, flows;
};

struct series {
	int64_t since; /* identity of the index's present holder; 0: free */
	struct counts ring[RING];
	struct dp_traffic last,
		second; /* the sample taken last, and its difference to the one before */
};

struct samples {
	uint32_t backends;
	uint32_t newest; /* position in every ring */
	struct series *series;
};

int samples_open(struct samples **out, const struct dp *dp)
{
	struct samples *s = calloc(1, sizeof(*s));

	if (s)
		s->series = calloc(dp->sizes.backends, sizeof(*s->series));
	if (!s || !s->series) {
		samples_close(s);
		return log_err(-ENOMEM, "no memory for the counters of %u backends",
			       dp->sizes.backends);
	}
	s->backends = dp->sizes.backends;
	*out = s;
	return 0;
}

void samples_close(struct samples *s)
{
	if (!s)
		return;
	free(s->series);
	free(s);
}

void samples_take(struct samples *s, const struct dp *dp)
{
	s->newest = (s->newest + 1) % RING;
	for (uint32_t i = 1; i < s->backends; i++) {
		const struct ek_backend_id *id = &dp->backend_ids[i];
		struct series *series = &s->series[i];
		struct dp_traffic t;
		struct counts now;

		if (!id->used) {
			series->since = 0;
			continue;
		}
		dp_traffic(dp, i, &t);
		now = (struct counts){ t.packets, t.flows };
		/* A new holder; the counters of a reused index begin anew. */
		if (series->since != (int64_t)id->since || t.packets < series->last.packets) {
			series->since = (int64_t)id->since;
			series->last = t;
			for (size_t k = 0; k < RING; k++)
				series->ring[k] = now;
		}
		series->ring[s->newest] = now;
		series->second.packets = t.packets - series->last.packets;
		series->second.bytes = t.bytes - series->last.bytes;
		series->second.flows = t.flows - series->last.flows;
		series->second.shed = t.shed - series->last.shed;
		series->last = t;
	}
}

void samples_window(const struct samples *s, uint32_t backend, uint64_t *packets, uint64_t *flows)
{
	const struct counts *newest = &s->series[backend].ring[s->newest];
	const struct counts *oldest = &s->series[backend].ring[(s->newest + 1) % RING];

	*packets = newest->packets - oldest->packets;
	*flows = newest->flows - oldest->flows;
}

void samples_second(const struct samples *s, uint32_t backend, struct dp_traffic *out)
{
	*out = s->series[backend].second;
}

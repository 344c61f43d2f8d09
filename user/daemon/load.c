/* SPDX-License-Identifier: GPL-2.0 */
#include "daemon/load.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "daemon/health.h"
#include "daemon/log.h"
#include "daemon/sample.h"
#include "lib/borne.h"

/* Sums are kept every few seconds, for a minute. */
#define MARK_S 4u
#define MARKS 16

struct mark {
	uint64_t at_s;
	uint64_t flows; /* up to then */
};

struct load {
	uint64_t since; /* identity of the index's holder */
	struct borne borne;
	struct mark now, marks[MARKS];
};

struct loads {
	struct load **backends;  /* by index; NULL: never used */
	struct borne *services;  /* by index */
	uint64_t *service_count; /* of this second */
	uint32_t backend_count;
};

int loads_open(struct daemon *d)
{
	struct loads *l = calloc(1, sizeof(*l));

	d->loads = l;
	if (l) {
		l->backend_count = d->dp->sizes.backends;
		l->backends = calloc(l->backend_count, sizeof(void *));
		l->services = calloc(EK_SERVICES_MAX, sizeof(*l->services));
		l->service_count = calloc(EK_SERVICES_MAX, sizeof(*l->service_count));
	}
	if (!l || !l->backends || !l->services || !l->service_count)
		return log_err(-ENOMEM, "no memory for the loads of %u backends",
			       d->dp->sizes.backends);
	return 0;
}

void loads_close(struct loads *l)
{
	if (!l)
		return;
	for (uint32_t i = 0; l->backends && i < l->backend_count; i++)
		free(l->backends[i]);
	free(l->backends);
	free(l->services);
	free(l->service_count);
	free(l);
}

static void mark_add(struct load *l, uint64_t now, const struct dp_traffic *t)
{
	struct mark *mark = &l->marks[now / MARK_S % MARKS];

	l->now = (struct mark){ now, l->now.flows + t->flows };
	if (mark->at_s / MARK_S != now / MARK_S)
		*mark = l->now;
}

static void backend_tick(struct daemon *d, uint32_t i, uint64_t now)
{
	const struct ek_backend_id *id = &d->dp->backend_ids[i];
	struct load **load = &d->loads->backends[i];
	struct dp_traffic t;

	if (!id->used)
		return;
	if (!*load)
		*load = calloc(1, sizeof(**load));
	if (!*load)
		return; /* it is as good as new */
	if ((*load)->since != id->since)
		**load = (struct load){ .since = id->since };
	samples_second(d->samples, i, &t);
	borne_add(&(*load)->borne, BORNE_WEEK_S, now, t.flows, health_is_up(d, i));
	mark_add(*load, now, &t);
	d->loads->service_count[id->service] += t.flows;
}

void loads_tick(struct daemon *d)
{
	uint64_t now = clock_now_s();

	for (uint32_t i = 1; i < d->loads->backend_count; i++)
		backend_tick(d, i, now);
	for (uint32_t i = 0; i < EK_SERVICES_MAX; i++) {
		if (!d->dp->service_ids[i].name[0])
			d->loads->services[i] = (struct borne){};
		else
			borne_add(&d->loads->services[i], BORNE_DAY_S, now,
				  d->loads->service_count[i], true);
		d->loads->service_count[i] = 0;
	}
}

double loads_best(const struct daemon *d, uint32_t backend)
{
	const struct load *load = d->loads->backends[backend];

	return load ? borne_best(&load->borne, BORNE_WEEK_S, clock_now_s()) : 0;
}

double loads_peak(const struct daemon *d, uint32_t service)
{
	return borne_best(&d->loads->services[service], BORNE_DAY_S, clock_now_s());
}

double loads_recent(const struct daemon *d, uint32_t backend)
{
	const struct load *load = d->loads->backends[backend];
	const struct mark *oldest = NULL;
	uint64_t packets, flows;
	double minute, seconds;

	for (size_t i = 0; load && i < MARKS; i++)
		if (load->marks[i].at_s && (!oldest || load->marks[i].at_s < oldest->at_s))
			oldest = &load->marks[i];
	if (!oldest || load->now.at_s < oldest->at_s + SAMPLE_WINDOW_S)
		return 0;
	minute =
		(double)(load->now.flows - oldest->flows) / (double)(load->now.at_s - oldest->at_s);
	/* Not what chance may have added: twice the standard deviation. */
	samples_window(d->samples, backend, &packets, &flows);
	seconds = ((double)flows - 2 * sqrt((double)flows)) / SAMPLE_WINDOW_S;
	return minute > seconds ? minute : seconds;
}

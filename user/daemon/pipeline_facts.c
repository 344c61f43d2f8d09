/* SPDX-License-Identifier: GPL-2.0 */
/* What is seen of a change: health, handshakes, drops. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "daemon/facts.h"
#include "daemon/health.h"
#include "daemon/pipeline_internal.h"
#include "daemon/sample.h"
#include "dp/install.h"
#include "lib/cleanup.h"
#include "lib/transition.h"

int64_t clock_boot_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return t.tv_sec * 1000ll + t.tv_nsec / 1000000;
}

void boot_id(char out[static 40])
{
	_cleanup_(close_file) FILE *in = fopen("/proc/sys/kernel/random/boot_id", "re");

	/* Without one no deadline of another process is trusted. */
	if (!in || fscanf(in, "%39s", out) != 1)
		snprintf(out, 40, "unknown %d", (int)getpid());
}

bool facts_has_traffic(const struct daemon *d, const char *service)
{
	bool rehearsed = clock_now_s() - d->rehearsed_s <= SAMPLE_WINDOW_S + 1;
	int s = dp_service_index(d->dp, service);
	uint64_t all = 0;

	for (uint32_t i = 1; s >= 0 && i < d->dp->sizes.backends; i++) {
		const struct ek_backend_id *id = &d->dp->backend_ids[i];
		uint64_t packets, flows;

		if (!id->used || id->service != (uint32_t)s)
			continue;
		samples_window(d->samples, i, &packets, &flows);
		all += packets;
	}
	return all > (rehearsed ? d->rehearsed : 0);
}

bool *facts_up(const struct daemon *d)
{
	bool *up = calloc(d->dp->sizes.backends, sizeof(*up));

	for (uint32_t i = 1; up && i < d->dp->sizes.backends; i++) {
		struct health_view view;

		if (d->dp->backend_ids[i].used && health_view(d, i, &view))
			up[i] = view.state == HEALTH_UP;
	}
	return up;
}

uint64_t facts_moved_flows(const struct daemon *d)
{
	struct ek_verdicts v;

	dp_verdicts(d->dp, &v);
	return v.stored;
}

/* ---- shares ---------------------------------------------------------------------------------- */

static bool is_down(const struct daemon *d, uint32_t service, const struct config_backend *b)
{
	uint32_t i = dp_backend_index(d->dp, service, &b->addr, b->port);
	struct health_view view;

	return i && health_view(d, i, &view) && view.state == HEALTH_DOWN;
}

/* Adds those of one service. Where nobody of before is left there is nothing to go slowly from. */
static size_t shares_of(const struct daemon *d, struct config_service *s,
			struct stage_share *shares)
{
	int service = dp_service_index(d->dp, s->name);
	double before = 0, after = 0;
	size_t n = 0;

	if (service < 0 || !transition_moves(s))
		return 0;
	for (size_t k = 0; k < s->backend_count; k++) {
		const struct config_backend *b = &s->backends[k];

		if (is_down(d, (uint32_t)service, b))
			continue;
		shares[n++] = (struct stage_share){ b->weight_before, config_backend_weight(b) };
		before += b->weight_before;
		after += config_backend_weight(b);
	}
	if (before <= 0) {
		transition_at_once(s);
		return 0;
	}
	for (size_t k = 0; k < n; k++) {
		shares[k].before /= before;
		shares[k].after = after > 0 ? shares[k].after / after : 0;
	}
	return n;
}

int facts_shares(const struct daemon *d, struct config *transition, struct stage_share **out,
		 size_t *count)
{
	_cleanup_(free_ptr) struct stage_share *shares = NULL;
	size_t n = 0;

	for (size_t i = 0; i < transition->service_count; i++)
		n += transition->services[i].backend_count;
	shares = calloc(n + 1, sizeof(*shares));
	if (!shares)
		return -ENOMEM;
	n = 0;
	for (size_t i = 0; i < transition->service_count; i++)
		n += shares_of(d, &transition->services[i], shares + n);
	*out = take_ptr(shares);
	*count = n;
	return 0;
}

/* ---- what is watched ------------------------------------------------------------------------- */

/* Weights of a pool in both revisions. */
struct pool {
	uint64_t before, after;
	bool touched, beyond, judged_anew;
};

static void pool_sum(struct pool *out, const struct config_service *s,
		     const struct config_diff *diff)
{
	*out = (struct pool){
		.touched = config_diff_touches(diff, s->name, NULL),
		.beyond = config_diff_beyond_pool(diff, s->name),
		.judged_anew = config_diff_touches(diff, s->name, "health"),
	};
	for (size_t i = 0; i < s->backend_count; i++) {
		out->before += s->backends[i].weight_before;
		out->after += config_backend_weight(&s->backends[i]);
	}
}

/* More by a fiftieth: less is what rounding and chance make of it. */
static bool gets_more(const struct pool *p, const struct config_backend *b)
{
	return p->beyond ||
	       50 * config_backend_weight(b) * p->before > 51ull * b->weight_before * p->after;
}

static void add(struct daemon *d, uint32_t index, const struct config_backend *b,
		const struct pool *pool, bool was_up)
{
	const struct ek_backend_id *id = &d->dp->backend_ids[index];
	struct pipeline *p = d->pipeline;
	struct watch_backend *w = &p->backends[p->count];

	p->indexes[p->count++] = index;
	*w = (struct watch_backend){
		.service = d->dp->service_ids[id->service].name,
		.name = id->name,
		.pool = id->service,
		.touched = gets_more(pool, b),
		.judged_anew = pool->judged_anew,
		.was_up = was_up,
		.is_up = was_up,
		.before = b->weight_before,
		.after = config_backend_weight(b),
	};
}

int facts_begin(struct daemon *d, const struct config_diff *diff, const bool *was_up)
{
	struct pipeline *p = d->pipeline;
	_cleanup_(free_ptr) struct pool *pools = calloc(EK_SERVICES_MAX, sizeof(*pools));

	facts_end(p);
	p->backends = calloc(d->dp->sizes.backends, sizeof(*p->backends));
	p->indexes = calloc(d->dp->sizes.backends, sizeof(*p->indexes));
	if (!pools || !p->backends || !p->indexes)
		return -ENOMEM;
	for (size_t i = 0; i < d->config->service_count; i++) {
		int service = dp_service_index(d->dp, d->config->services[i].name);

		if (service >= 0)
			pool_sum(&pools[service], &d->config->services[i], diff);
	}
	for (uint32_t i = 1; i < d->dp->sizes.backends; i++) {
		const struct ek_backend_id *id = &d->dp->backend_ids[i];
		const struct config_backend *b;

		if (!id->used || id->service >= EK_SERVICES_MAX || !pools[id->service].touched)
			continue;
		b = backend_config(d, i);
		if (b)
			add(d, i, b, &pools[id->service], was_up && was_up[i]);
	}
	p->since = (struct pipeline_second){};
	p->elapsed_s = 0;
	return 0;
}

void facts_end(struct pipeline *p)
{
	free(p->backends);
	free(p->indexes);
	p->backends = NULL;
	p->indexes = NULL;
	p->count = 0;
}

/* ---- each second ----------------------------------------------------------------------------- */

static uint64_t drops_now(const struct daemon *d)
{
	struct ek_verdicts v;

	dp_verdicts(d->dp, &v);
	return v.dropped[EK_DROP_NO_BACKEND] + v.dropped[EK_DROP_NO_NEXT_HOP] +
	       v.dropped[EK_DROP_NOT_REMEMBERED] + v.dropped[EK_DROP_SHED_FLOW];
}

void facts_second(struct daemon *d)
{
	struct pipeline *p = d->pipeline;
	uint64_t drops = drops_now(d);
	struct pipeline_second now = { .drops = drops - p->drops_last };

	for (uint32_t i = 1; i < d->dp->sizes.backends; i++) {
		struct dp_traffic t;

		if (!d->dp->backend_ids[i].used)
			continue;
		samples_second(d->samples, i, &t);
		now.flows += t.flows;
	}
	if (!p->drops_last && !p->known)
		now.drops = 0; /* since the maps were made */
	p->drops_last = drops;
	if (p->running) {
		p->since.flows += now.flows;
		p->since.drops += now.drops;
		p->elapsed_s++;
		return;
	}
	p->seconds[p->second] = now;
	p->second = (p->second + 1) % PIPELINE_SECONDS;
	p->known += p->known < PIPELINE_SECONDS;
}

/* In as long before: at the rate of what is known of it. */
static struct pipeline_second as_before(const struct pipeline *p)
{
	struct pipeline_second sum = {};

	for (size_t i = 0; i < p->known; i++) {
		sum.flows += p->seconds[i].flows;
		sum.drops += p->seconds[i].drops;
	}
	if (p->known) {
		sum.flows = sum.flows * p->elapsed_s / p->known;
		sum.drops = sum.drops * p->elapsed_s / p->known;
	}
	return sum;
}

struct watch_facts facts_of(struct daemon *d)
{
	struct pipeline *p = d->pipeline;
	struct pipeline_second before = as_before(p);
	_cleanup_(free_ptr) struct dp_handshakes *handshakes =
		calloc(d->dp->sizes.backends, sizeof(*handshakes));

	if (handshakes)
		dp_handshakes(d->dp, clock_now_s(), handshakes);
	for (size_t i = 0; i < p->count; i++) {
		struct watch_backend *b = &p->backends[i];
		struct health_view view = { .state = HEALTH_UP };

		health_view(d, p->indexes[i], &view);
		/* One whose first result is not there yet is not down. */
		b->is_up = view.state != HEALTH_DOWN;
		b->was_up |= view.state == HEALTH_UP;
		b->completed = handshakes ? handshakes[p->indexes[i]].completed : 0;
		b->failed = handshakes ? handshakes[p->indexes[i]].failed : 0;
	}
	return (struct watch_facts){
		.backends = p->backends,
		.count = p->count,
		.flows = p->since.flows,
		.drops = p->since.drops,
		.flows_before = before.flows,
		.drops_before = before.drops,
	};
}

// SPDX-License-Identifier: GPL-2.0
/* The families of health checks: by service and check, not by backend, of which there may be a
 * hundred thousand. */
#include <stdio.h>

#include "lib/families_internal.h"

static void bucket_write(struct exposition *e, const struct metrics_check *k, const char *le,
			 uint64_t count)
{
	struct labels l = {};

	labels_add(&l, "service", k->service);
	labels_add(&l, "check", k->check);
	exposition_sample(e, "evenkeel_check_seconds_bucket", labels_add(&l, "le", le),
			  value_count(count));
}

static void latency_write(struct exposition *e, const struct metrics_check *k)
{
	const struct latency *t = &k->counts->latency;
	uint64_t within = 0;
	struct labels l = {};
	char le[24];

	for (int i = 0; i < LATENCY_BUCKETS; i++) {
		within += t->within[i];
		snprintf(le, sizeof(le), "%g", latency_bounds_us[i] / 1e6);
		bucket_write(e, k, le, within);
	}
	bucket_write(e, k, "+Inf", t->count);
	labels_add(&l, "service", k->service);
	labels_add(&l, "check", k->check);
	exposition_sample(e, "evenkeel_check_seconds_sum", l.text, value_real(t->sum_s));
	exposition_sample(e, "evenkeel_check_seconds_count", l.text, value_count(t->count));
}

static void result_write(struct exposition *e, const struct metrics_check *k, const char *outcome,
			 uint64_t count)
{
	struct labels l = {};

	labels_add(&l, "service", k->service);
	labels_add(&l, "check", k->check);
	exposition_sample(e, "evenkeel_check_results_total", labels_add(&l, "outcome", outcome),
			  value_count(count));
}

void checks_write(struct exposition *e, const struct metrics *m)
{
	exposition_family(e, "evenkeel_check_results_total", EXPOSITION_COUNTER,
			  "Health checks by outcome; missed ones could not be made here.");
	for (size_t i = 0; i < m->check_count; i++) {
		const struct check_counts *n = m->checks[i].counts;

		result_write(e, &m->checks[i], "passed", n->latency.count);
		result_write(e, &m->checks[i], "failed", n->failed);
		result_write(e, &m->checks[i], "missed", n->missed);
	}
	exposition_family(e, "evenkeel_check_seconds", EXPOSITION_HISTOGRAM,
			  "How long health checks took that passed.");
	for (size_t i = 0; i < m->check_count; i++)
		latency_write(e, &m->checks[i]);
}

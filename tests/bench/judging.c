// SPDX-License-Identifier: GPL-2.0
#include "judging.h"

#include <stdlib.h>
#include <time.h>

#include "daemon/sample.h"
#include "daemon/skews.h"
#include "lib/cleanup.h"
#include "report.h"

#define TABLES_S 10 /* in which all slots have been read */
#define SECONDS (TABLES_S + 21)

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* About 20 flows each, as chance has it: some are beyond the threshold that clears. */
static void traffic_flows(struct dp *dp)
{
	for (uint32_t i = 1; i < dp->sizes.backends; i++) {
		uint32_t flows = 10 + (uint32_t)random() % 20;

		dp->traffic[i].flows += flows;
		dp->traffic[i].packets += 10 * flows;
		dp->traffic[i].bytes += 10000 * flows;
	}
}

static int measure(struct judging *out, struct dp *dp, struct samples *samples, struct skews *skews,
		   struct skews_view *view)
{
	double took[SECONDS];

	for (size_t i = 0; i < SECONDS; i++) {
		double start;
		int err;

		traffic_flows(dp);
		view->now_ms += 1000;
		start = now_ms();
		samples_take(samples, dp);
		err = skews_tick(skews, view);
		took[i] = now_ms() - start;
		if (err)
			return err;
	}
	out->most_ms = report_quantile(took, TABLES_S, 1);
	out->later_ms = report_quantile(took + TABLES_S, SECONDS - TABLES_S, 0.5);
	return 0;
}

int judging_measure(struct judging *out, struct dp *dp, const struct config *c)
{
	struct skews_view view = { .dp = dp, .config = c, .revision = 1, .now_ms = 1000 };
	struct samples *samples = NULL;
	struct skews *skews = NULL;
	int err = samples_open(&samples, dp);

	err = err ?: skews_open(&skews, dp, 1);
	view.samples = samples;
	err = err ?: measure(out, dp, samples, skews, &view);
	skews_close(skews);
	samples_close(samples);
	return err;
}

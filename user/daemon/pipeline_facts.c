/* SPDX-License-Identifier: GPL-2.0 */
/* What a change is planned by: who is up, who has traffic, shares. */
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

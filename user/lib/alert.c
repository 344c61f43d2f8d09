// SPDX-License-Identifier: GPL-2.0
#include "lib/alert.h"

#include <stdio.h>
#include <string.h>

const char *alert_level_name(enum alert_level level)
{
	return level == ALERT_CRITICAL ? "critical" : "warning";
}

static struct alert *alert_find(struct alerts *a, const struct alert_fact *f)
{
	for (size_t i = 0; i < a->count; i++) {
		struct alert *x = &a->list[i];

		if (!strcmp(x->kind, f->kind) && !strcmp(x->service, f->service) &&
		    !strcmp(x->backend, f->backend))
			return x;
	}
	return NULL;
}

bool alerts_note(struct alerts *a, const struct alert_fact *fact, uint32_t now_s)
{
	struct alert *x = alert_find(a, fact);

	if (!x) {
		if (a->count == ALERTS_MAX)
			return false;
		x = &a->list[a->count++];
		*x = (struct alert){ .kind = fact->kind, .since_s = now_s };
		snprintf(x->service, sizeof(x->service), "%s", fact->service);
		snprintf(x->backend, sizeof(x->backend), "%s", fact->backend);
	}
	x->level = fact->level;
	x->for_s = fact->for_s;
	x->seen_s = now_s;
	snprintf(x->text, sizeof(x->text), "%s", fact->text);
	return true;
}

/* False: it is over. */
static bool alert_step(struct alert *x, uint32_t now_s, alert_teller tell, void *context)
{
	if (x->seen_s == now_s && !x->told && now_s - x->since_s >= x->for_s) {
		x->told = true;
		tell(context, x);
	}
	/* What was never told may be forgotten at once: it is to last without a break. */
	if (x->seen_s == now_s || (x->told && now_s - x->seen_s < ALERT_CLEAR_S))
		return true;
	if (x->told) {
		x->told = false;
		tell(context, x);
	}
	return false;
}

void alerts_tell(struct alerts *a, uint32_t now_s, alert_teller tell, void *context)
{
	size_t kept = 0;

	for (size_t i = 0; i < a->count; i++) {
		if (!alert_step(&a->list[i], now_s, tell, context))
			continue;
		if (kept != i)
			a->list[kept] = a->list[i];
		kept++;
	}
	a->count = kept;
}

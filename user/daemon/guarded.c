/* SPDX-License-Identifier: GPL-2.0 */
#include "daemon/guarded.h"

#include <errno.h>
#include <stdlib.h>

#include "daemon/alert.h"
#include "daemon/log.h"
#include "daemon/sample.h"
#include "lib/cleanup.h"
#include "lib/stage.h"

/* The tables that were refused last. */
struct guarded {
	struct refusal {
		bool stands;
		struct guard_breach breach;
	} services[EK_SERVICES_MAX];
};

int guarded_open(struct daemon *d)
{
	d->guarded = calloc(1, sizeof(*d->guarded));
	return d->guarded ? 0 : log_err(-ENOMEM, "out of memory");
}

void guarded_close(struct daemon *d)
{
	free(take_ptr(d->guarded));
}

/* New flows a second that the service has had lately: those that were let in. */
static double demand_of(const struct daemon *d, const struct dp_move *move)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < move->config->backend_count; i++) {
		uint64_t packets, flows;

		samples_window(d->samples, move->indexes[i], &packets, &flows);
		sum += flows;
	}
	return (double)sum / SAMPLE_WINDOW_S;
}

enum guard_verdict guarded_check(const struct daemon *d, const struct dp_move *move,
				 enum guard_cause cause, const double *due,
				 struct guard_breach *breach)
{
	size_t count = move->config->backend_count;
	_cleanup_(free_ptr) struct guard_backend *backends = calloc(count + 1, sizeof(*backends));
	double slots = move->slots;
	struct guard_case c = {
		.cause = cause,
		.demand = demand_of(d, move),
		.backends = backends,
		.count = count,
		/* A slot that returns to its default is no less settled than before. */
		.budget = 1.0 / DP_GENTLE_PART + (move->moved - move->unsettling) / slots,
		.slack = move->config->staged ? stage_chance(move->slots) : 0,
	};

	if (!backends) { /* a table has been made by now: so much memory there was */
		log_warning("service %s: out of memory: its table is not guarded",
			    move->config->name);
		return GUARD_GO;
	}
	for (size_t i = 0; i < count; i++) {
		uint32_t index = move->indexes[i];

		backends[i] = (struct guard_backend){
			.id = index,
			.old_share = move->now[index] / slots,
			.new_share = move->then[index] / slots,
			.weight = due[i],
			.capacity = config_capacity(move->config, &move->config->backends[i]).flows,
		};
	}
	return guard_decide(&guard_limits_default, &c, breach);
}

static const char *text_of(const struct daemon *d, const struct guard_breach *breach,
			   char text[static GUARD_TEXT_MAX])
{
	return guard_breach_text(breach, d->dp->backend_ids[breach->backend].name, text);
}

static void tell(struct daemon *d, const char *service, enum guard_cause cause,
		 const struct guard_breach *breach, const char *outcome)
{
	char text[GUARD_TEXT_MAX];

	text_of(d, breach, text);
	log_line(LOG_ERR, "service %s: the guard speaks against a table by %s: %s; %s", service,
		 guard_cause_name(cause), text, outcome);
	daemon_event(d, "guard", &d->self, "%s: automatic change by %s: %s; %s", service,
		     guard_cause_name(cause), text, outcome);
}

bool guarded_allow(struct daemon *d, const struct dp_move *move, enum guard_cause cause,
		   const double *due)
{
	struct refusal *r = &d->guarded->services[move->service], before = *r;
	enum guard_verdict verdict = guarded_check(d, move, cause, due, &r->breach);

	r->stands = verdict == GUARD_STAY;
	if (verdict == GUARD_FLEE) {
		tell(d, move->config->name, cause, &r->breach,
		     "it is installed, for the last one sends traffic to who is down");
	} else if (r->stands && (!before.stands || before.breach.rule != r->breach.rule ||
				 before.breach.backend != r->breach.backend)) {
		tell(d, move->config->name, cause, &r->breach, "the last one stays");
	} else if (!r->stands && before.stands) {
		log_notice("service %s: the guard lets its table go on", move->config->name);
		daemon_event(d, "guard", &d->self, "%s: automatic changes go on",
			     move->config->name);
	}
	return !r->stands;
}

void guarded_tick(struct daemon *d)
{
	for (uint32_t i = 0; i < EK_SERVICES_MAX; i++) {
		struct refusal *r = &d->guarded->services[i];
		char text[GUARD_TEXT_MAX];

		/* What was asked for may not be asked for any more. */
		r->stands &= dp_slots_waiting(d->dp, i) > 0;
		if (r->stands)
			alert_note(d, &(struct alert_fact){
					      .kind = "guard",
					      .level = ALERT_CRITICAL,
					      .service = d->dp->service_ids[i].name,
					      .backend = d->dp->backend_ids[r->breach.backend].name,
					      .text = text_of(d, &r->breach, text) });
	}
}

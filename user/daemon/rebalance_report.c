/* SPDX-License-Identifier: GPL-2.0 */
/* What the rebalance loops do, for whoever asks. */
#include <stdio.h>

#include "daemon/rebalances.h"
#include "daemon/request.h"
#include "lib/rebalance.h"

/* A report's backend, by name; NULL where it is about none. */
static const char *backend_of(const struct daemon *d, const struct rebalance_report *report)
{
	return report->worst > 0 ? d->dp->backend_ids[report->backend].name : NULL;
}

/* Why the guard lets no more move, or "". */
static const char *breach_text(const struct daemon *d, const struct rebalance_report *report,
			       enum rebalance_state verdict, char text[static GUARD_TEXT_MAX])
{
	const struct guard_breach *b = &report->breach;

	text[0] = '\0';
	if (verdict == REBALANCE_HELD && b->rule != GUARD_RULE_COUNT)
		guard_breach_text(b, b->backend ? d->dp->backend_ids[b->backend].name : "", text);
	return text;
}

json_t *rebalances_json(const struct daemon *d, uint32_t service)
{
	const struct rebalance *loop = rebalances_of(d, service);
	enum rebalance_state verdict = rebalances_verdict(d, service);
	const struct rebalance_report *report;
	char held[GUARD_TEXT_MAX];
	json_t *j;

	if (!loop)
		return json_null();
	report = rebalance_report(loop);
	j = json_pack("{s:s, s:s, s:s, s:s, s:o, s:o}", "mode",
		      rebalance_mode_name(rebalances_mode(d, service)), "state",
		      rebalance_state_name(report->state), "verdict", rebalance_state_name(verdict),
		      "text", rebalance_state_text(verdict), "held_by",
		      json_text(breach_text(d, report, verdict, held)), "backend",
		      json_text(backend_of(d, report)));
	json_put(j, "load", report->worst > 0 ? json_real(report->worst) : json_null());
	return j;
}

json_t *rebalances_advice_json(const struct daemon *d, uint32_t backend)
{
	uint32_t service = d->dp->backend_ids[backend].service;
	const struct rebalance *loop = rebalances_of(d, service);

	return loop && rebalances_mode(d, service) == REBALANCE_OBSERVE
		       ? json_real(rebalance_advice(loop, backend))
		       : json_null();
}

json_t *rebalances_load_json(const struct daemon *d, uint32_t backend)
{
	struct load_view view;
	bool told;

	if (!rebalances_load(d, backend, &view))
		return json_null();
	told = view.load >= 0;
	return json_pack("{s:o, s:o, s:b, s:I, s:I, s:o}", "load",
			 told ? json_real(view.load) : json_null(), "age_s",
			 told ? json_real(view.age_s) : json_null(), "fresh", view.fresh, "answers",
			 (json_int_t)view.answers, "failures", (json_int_t)view.failures, "reason",
			 json_text(view.reason));
}

static bool examine_silent(struct findings *f, const struct daemon *d, uint32_t service)
{
	const struct feedback *feedback = rebalances_feedback(d, service);
	struct feedback_silence s = {};

	if (feedback)
		feedback_silence(feedback, &s);
	if (!s.silent)
		return false;
	finding_add(f, FINDING_WARNING, "rebalance", d->dp->service_ids[service].name,
		    "let each backend answer with a number from 0 to 100, or rebalance by: packets",
		    "%zu of %zu backends do not say what their load is; %s: %s", s.silent, s.asked,
		    s.first, s.reason[0] ? s.reason : "no answer yet");
	return true;
}

static void examine_held(struct findings *f, const struct daemon *d, const char *name,
			 const struct rebalance_report *report, enum rebalance_state verdict)
{
	char held[GUARD_TEXT_MAX];
	const char *backend = backend_of(d, report);

	breach_text(d, report, verdict, held);
	finding_add(
		f, FINDING_WARNING, "rebalance", name,
		"evenkeel status: a weight of the revision, or the range of `rebalance`, may be "
		"changed",
		"%s: %s has %.2f times its load%s%s", rebalance_state_text(verdict),
		backend ? backend : "a backend", report->worst, held[0] ? "; " : "", held);
}

void rebalances_examine(struct findings *f, const struct daemon *d, uint32_t service)
{
	const struct rebalance *loop = rebalances_of(d, service);
	enum rebalance_state verdict = rebalances_verdict(d, service);
	const char *name = d->dp->service_ids[service].name;

	if (!loop || examine_silent(f, d, service))
		return;
	if (verdict == REBALANCE_HELD || verdict == REBALANCE_LIMITED)
		examine_held(f, d, name, rebalance_report(loop), verdict);
	else
		finding_add(f, FINDING_OK, "rebalance", name, "", "%s: %s",
			    rebalance_mode_name(rebalances_mode(d, service)),
			    rebalance_state_text(verdict));
}

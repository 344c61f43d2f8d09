/* SPDX-License-Identifier: GPL-2.0 */
/* What is said of a change under way, and whether there is to be one. */
#include <stdio.h>

#include "daemon/pipeline_internal.h"

bool pipeline_is_running(const struct daemon *d)
{
	return d->pipeline->running;
}

bool pipeline_wants(const struct daemon *d, const struct config *after,
		    const struct config_diff *diff, const struct change_options *o)
{
	uint32_t watch_s = o->watch_given ? o->watch_s : d->config ? d->config->stage.watch_s : 0;

	if (!d->revision.number || !d->config || d->trouble[0] || o->urgent)
		return false;
	if (o->confirm_s)
		return true;
	if (!watch_s && (o->at_once || d->config->stage.step_count < 2))
		return false;
	for (size_t i = 0; i < d->config->service_count; i++) {
		const char *name = d->config->services[i].name;

		if (config_diff_touches(diff, name, NULL) && facts_has_traffic(d, name))
			return true;
	}
	return false;
}

static const char *phase_text(const struct pipeline *p, char text[static 64])
{
	int64_t left = p->record.watch_until_ms - clock_boot_ms();

	if (p->undone)
		snprintf(text, 64, "is rolled back, which the journal cannot record");
	else if (p->record.phase == JOURNAL_STAGING)
		snprintf(text, 64, "is being staged (%u.%u %%)", stage_permille(&p->stage) / 10,
			 stage_permille(&p->stage) % 10);
	else if (p->record.phase == JOURNAL_HELD)
		snprintf(text, 64, "is held");
	else if (left > 0)
		snprintf(text, 64, "is watched for another %lld s", (long long)(left + 999) / 1000);
	else
		snprintf(text, 64, "waits for evenkeel confirm");
	return text;
}

bool pipeline_is_free(const struct daemon *d, struct reply *reply)
{
	const struct pipeline *p = d->pipeline;
	char phase[64];

	if (!p->running)
		return true;
	reply_refuse(reply,
		     "nothing changed: revision %lld by %s (%s) %s; wait for it, or undo it with "
		     "evenkeel rollback%s",
		     (long long)p->record.revision, p->actor.user, p->actor.command,
		     phase_text(p, phase),
		     p->record.phase == JOURNAL_HELD ? ", or keep it with evenkeel confirm" : "");
	return false;
}

void pipeline_rebase(struct daemon *d, struct reply *reply)
{
	const struct pipeline *p = d->pipeline;
	char phase[64];

	if (!p->running)
		return;
	facts_rebase(d);
	if (!p->undone)
		reply_message(reply, "revision %lld, which %s, goes on upon it",
			      (long long)p->record.revision, phase_text(p, phase));
}

static json_t *handshakes_json(const struct pipeline *p)
{
	struct outcome all = {};

	for (size_t i = 0; i < p->pool_count; i++)
		outcome_add(&all, &p->pools[i].moved.all);
	return json_pack("{s:I, s:I}", "completed", (json_int_t)all.good, "failed",
			 (json_int_t)all.bad);
}

static json_t *probes_json(const struct pipeline *p)
{
	size_t asked, answer;

	probes_count(p, &asked, &answer);
	return asked ? json_pack("{s:I, s:I}", "asked", (json_int_t)asked, "answering",
				 (json_int_t)answer)
		     : json_null();
}

json_t *pipeline_json(const struct daemon *d)
{
	static const char *const phases[] = { "staging", "watching", "held" };
	const struct pipeline *p = d->pipeline;
	int64_t now = clock_boot_ms();
	int64_t watch = p->record.watch_until_ms - now, confirm = p->record.confirm_until_ms - now;
	bool awaited = p->record.confirm_until_ms && !p->watch.confirmed;
	json_t *j;

	if (!p->running)
		return json_null();
	j = json_pack("{s:I, s:I, s:s, s:o, s:o, s:I}", "revision", (json_int_t)p->record.revision,
		      "base", (json_int_t)p->record.base, "phase", phases[p->record.phase], "user",
		      json_text(p->actor.user), "command", json_text(p->actor.command), "time",
		      (json_int_t)p->begun);
	json_put(j, "moved", json_real(stage_permille(&p->stage) / (double)STAGE_WHOLE));
	json_put(j, "step", json_integer((json_int_t)p->stage.at + 1));
	json_put(j, "steps", json_integer((json_int_t)p->stage.plan.count));
	json_put(j, "unproven_steps", json_integer((json_int_t)p->stage.unproven));
	json_put(j, "handshakes", handshakes_json(p));
	json_put(j, "probes", probes_json(p));
	json_put(j, "watch_s",
		 p->record.phase == JOURNAL_WATCHING && watch > 0
			 ? json_integer((watch + 999) / 1000)
			 : json_null());
	json_put(j, "confirm_within_s",
		 awaited ? json_integer(confirm > 0 ? (confirm + 999) / 1000 : 0) : json_null());
	json_put(j, "reason", json_text(p->record.reason));
	return j;
}

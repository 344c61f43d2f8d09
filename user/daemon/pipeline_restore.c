/* SPDX-License-Identifier: GPL-2.0 */
/* A change that was under way when the daemon before ended. */
#include <stdio.h>
#include <string.h>

#include "daemon/log.h"
#include "daemon/pipeline_internal.h"
#include "lib/cleanup.h"
#include "lib/transition.h"

static void release(struct journal_revision *r)
{
	journal_revision_release(r);
}

/* What it was made of, and what it is to be. */
static int configs_read(struct daemon *d, struct config_diff *diff)
{
	_cleanup_(release) struct journal_revision base = {};
	struct pipeline *p = d->pipeline;
	int err = journal_revision(d->journal, p->record.base, &base);

	if (err)
		return err;
	p->before = change_config(d, base.text);
	p->after = change_config(d, d->revision.text);
	if (!p->before || !p->after)
		return -EINVAL;
	return config_diff_make(diff, base.text, d->revision.text);
}

/* Backends that the change removes are defined again: they are its way back. */
static int retain(struct daemon *d, const struct config_diff *diff)
{
	struct pipeline *p = d->pipeline;
	struct config *transition = transition_make(p->before, p->after);
	_cleanup_(free_ptr) bool *was_up = facts_up(d);
	struct dp_install_result result;
	char error[DP_ERROR_MAX] = "";
	int err;

	if (!transition)
		return -ENOMEM;
	config_free(d->config);
	d->config = transition;
	err = change_install(d, transition, true, &result, error);
	if (err)
		log_warning("what revision %lld removes cannot be kept for its watch: %s",
			    (long long)p->record.revision, error);
	return facts_begin(d, diff, was_up);
}

/* Did somebody look after it until the end? A clock of another boot says nothing. One that waits for a
 * confirmation has been watched, or will be. */
static bool is_over(const struct pipeline *p)
{
	int64_t end = p->record.confirm_until_ms ?: p->record.watch_until_ms;

	return strcmp(p->record.boot, p->boot) != 0 || clock_boot_ms() >= end;
}

void pipeline_restore(struct daemon *d)
{
	_cleanup_(config_diff_release) struct config_diff diff = {};
	static const uint16_t whole[] = { STAGE_WHOLE };
	struct pipeline *p = d->pipeline;
	struct stage_plan plan;

	if (journal_change(d->journal, &p->record) || p->record.revision != d->revision.number)
		return;
	if (configs_read(d, &diff) || retain(d, &diff)) {
		log_line(LOG_ERR,
			 "revision %lld cannot be watched any further, nor undone by "
			 "itself: its base, %lld, cannot be read",
			 (long long)p->record.revision, (long long)p->record.base);
		return;
	}
	p->running = true;
	p->actor = d->revision.actor;
	p->begun = d->revision.time;
	stage_plan(&plan, NULL, 0, whole, 1);
	stage_begin(&p->stage, &plan, (uint64_t)clock_boot_ms());
	p->watch = (struct watch){
		.until_ms = (uint64_t)p->record.watch_until_ms,
		.confirm_until_ms = (uint64_t)p->record.confirm_until_ms,
		.held = p->record.phase == JOURNAL_HELD,
	};
	if (!p->watch.held && is_over(p))
		pipeline_roll_back(d, "its watch was over, or the host was restarted, and nobody "
				      "had watched it to the end");
	else
		log_notice("revision %lld is watched on", (long long)p->record.revision);
}

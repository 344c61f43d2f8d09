// SPDX-License-Identifier: GPL-2.0
/* audit log, audit verify: the chain is verified here, so that it can be done of an exported log,
 * and by another computer than the one that wrote it. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/client.h"
#include "cli/file.h"
#include "cli/units.h"
#include "lib/audit_chain.h"
#include "lib/cleanup.h"

#define PAGE 1000

/* Is handed every event, oldest first. */
typedef void (*event_taker)(void *context, const json_t *event);

/* The events of one answer; *last is the number of the last one. */
static size_t page_take(const json_t *page, event_taker take, void *context, json_int_t *last)
{
	const json_t *events = json_object_get(page, "events"), *event;
	size_t i;

	json_array_foreach(events, i, event) {
		take(context, event);
		*last = (json_int_t)fact_count(event, "id");
	}
	return json_array_size(events);
}

static int log_walk(const struct cli *cli, event_taker take, void *context)
{
	json_int_t last = 0;
	size_t taken = PAGE;

	while (taken == PAGE) {
		_cleanup_(json_release) json_t *page = NULL;
		int status = client_run(
			cli, "audit", json_pack("{s:I, s:i}", "after", last, "limit", PAGE), &page);

		if (status)
			return status;
		taken = page_take(page, take, context, &last);
	}
	return EK_EXIT_DONE;
}

/* ---- log ------------------------------------------------------------------------------------- */

static void event_line(void *context, const json_t *event)
{
	fact_print(event, true);
}

static void event_text(void *context, const json_t *e)
{
	const char *origin = fact_text(e, "origin"), *command = fact_text(e, "command");
	char when[UNITS_MAX], revision[32] = "";

	if (fact_count(e, "revision"))
		snprintf(revision, sizeof(revision), " revision %" PRIu64,
			 fact_count(e, "revision"));
	printf("%" PRIu64 " %s %s%s%s: %s%s%s%s%s", fact_count(e, "id"),
	       units_time((int64_t)fact_count(e, "time"), when), fact_text(e, "user"),
	       *origin ? " from " : "", origin, fact_text(e, "kind"), revision,
	       *command ? " (" : "", command, *command ? ")" : "");
	printf("%s%s\n", *fact_text(e, "text") ? ": " : "", fact_text(e, "text"));
}

int cmd_audit_log(struct cli *cli)
{
	return log_walk(cli, cli_json(cli) ? event_line : event_text, NULL);
}

/* ---- verify ---------------------------------------------------------------------------------- */

static void event_check(void *context, const json_t *e)
{
	const struct audit_record r = {
		.id = (int64_t)fact_count(e, "id"),
		.time = json_integer_value(json_object_get(e, "time")),
		.kind = fact_text(e, "kind"),
		.user = fact_text(e, "user"),
		.command = fact_text(e, "command"),
		.origin = fact_text(e, "origin"),
		.text = fact_text(e, "text"),
		.content = fact_text(e, "content"),
		.uid = (uint32_t)fact_count(e, "uid"),
		.pid = (int32_t)json_integer_value(json_object_get(e, "pid")),
		.revision = (int64_t)fact_count(e, "revision"),
		.previous = fact_text(e, "previous"),
		.hash = fact_text(e, "hash"),
	};

	audit_check_next(context, &r);
}

/* Each line an event, as `audit log --json` prints them. */
static int file_walk(const char *name, struct audit_check *check)
{
	_cleanup_(file_release) struct file file = {};
	const char *line, *end;
	size_t number = 1;

	if (file_read(&file, name))
		return EK_EXIT_REFUSED;
	for (line = file.text; line < file.text + file.length; line = end + 1, number++) {
		_cleanup_(json_release) json_t *event = NULL;

		end = memchr(line, '\n', (size_t)(file.text + file.length - line));
		end = end ? end : file.text + file.length;
		event = json_loadb(line, (size_t)(end - line), 0, NULL);
		if (!json_is_object(event))
			return cli_error("%s:%zu: not an event: expected what `evenkeel audit log "
					 "--json` prints",
					 file.name, number);
		event_check(check, event);
	}
	return EK_EXIT_DONE;
}

/* The head that the log itself keeps. */
static int own_head(const struct cli *cli, struct audit_head *out)
{
	_cleanup_(json_release) json_t *page = NULL;
	const json_t *head;
	int status = client_run(cli, "audit", json_pack("{s:i}", "limit", 1), &page);

	if (status)
		return status;
	head = json_object_get(page, "head");
	*out = (struct audit_head){ .id = (int64_t)fact_count(head, "id") };
	snprintf(out->hash, sizeof(out->hash), "%s", fact_text(head, "hash"));
	return EK_EXIT_DONE;
}

static int verdict_print(const struct cli *cli, struct audit_check *c)
{
	bool whole = audit_check_end(c);
	size_t shown = c->problems < AUDIT_FINDINGS_MAX ? c->problems : AUDIT_FINDINGS_MAX;
	_cleanup_(json_release) json_t *findings = json_array(), *result = NULL;

	for (size_t i = 0; i < shown; i++) {
		json_array_append_new(findings, json_string(c->findings[i]));
		fprintf(stderr, "%s\n", c->findings[i]);
	}
	if (c->problems > shown)
		fprintf(stderr, "and %zu more\n", c->problems - shown);
	if (cli_json(cli)) {
		result = json_pack("{s:b, s:I, s:{s:I, s:s}, s:O}", "whole", whole, "events",
				   (json_int_t)c->count, "head", "id", (json_int_t)c->last.id,
				   "hash", c->last.stored, "findings", findings);
		fact_print(result, false);
	} else if (whole) {
		printf("the audit log is whole: %zu events, head %" PRId64 ":%s\n", c->count,
		       c->last.id, c->last.stored);
	}
	return whole ? EK_EXIT_DONE
		     : cli_error("the audit log is not what was written: %zu findings",
				 c->problems);
}

int cmd_audit_verify(struct cli *cli)
{
	_cleanup_(free_ptr) struct audit_check *check = calloc(1, sizeof(*check));
	struct audit_head own = {}, kept = {};
	const char *given = cli->option[OPTION_HEAD];
	int status = EK_EXIT_DONE;

	if (!check)
		return cli_error("out of memory");
	if (given && !audit_head_parse(&kept, given))
		return cli_usage(cli,
				 "--head: \"%s\" is not HASH or NUMBER:HASH, as a "
				 "verification prints it",
				 given);
	if (!cli->count)
		status = own_head(cli, &own);
	if (status)
		return status;
	audit_check_begin(check, &own, &kept);
	/* What is written meanwhile is verified too: the head is from before. */
	status = cli->count ? file_walk(cli->words[0], check) : log_walk(cli, event_check, check);
	return status ? status : verdict_print(cli, check);
}

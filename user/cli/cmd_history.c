// SPDX-License-Identifier: GPL-2.0
#include <inttypes.h>
#include <stdio.h>

#include "cli/client.h"
#include "cli/table.h"
#include "cli/units.h"
#include "lib/cleanup.h"

#define LIMIT_DEFAULT 20
#define LIMIT_MAX 100000

static void history_print(const struct cli *cli, const json_t *result)
{
	static const struct column columns[] = {
		{ "REVISION", true }, { "TIME", false },    { "USER", false },
		{ "STATE", false },   { "COMMAND", false }, { "", false },
	};
	_cleanup_(table_release) struct table t = { .columns = columns,
						    .width = sizeof(columns) / sizeof(columns[0]) };
	const json_t *revision;
	char when[UNITS_MAX];
	size_t i;

	json_array_foreach(json_object_get(result, "revisions"), i, revision) {
		table_add(&t, "%" PRIu64, fact_count(revision, "revision"));
		table_add(&t, "%s", units_time((int64_t)fact_count(revision, "time"), when));
		table_add(&t, "%s", fact_text(revision, "user"));
		table_add(&t, "%s", fact_text(revision, "state"));
		table_add(&t, "%s", fact_text(revision, "command"));
		table_add(&t, "%s", fact_text(revision, "detail"));
	}
	table_print(&t, stdout, "");
}

static void events_print(const struct cli *cli, const json_t *result)
{
	static const struct column columns[] = {
		{ "TIME", false },
		{ "USER", false },
		{ "EVENT", false },
		{ "", false },
	};
	_cleanup_(table_release) struct table t = { .columns = columns,
						    .width = sizeof(columns) / sizeof(columns[0]) };
	const json_t *event;
	char when[UNITS_MAX];
	size_t i;

	json_array_foreach(json_object_get(result, "events"), i, event) {
		table_add(&t, "%s", units_time((int64_t)fact_count(event, "time"), when));
		table_add(&t, "%s", fact_text(event, "user"));
		table_add(&t, "%s", fact_text(event, "kind"));
		table_add(&t, "%s", fact_text(event, "text"));
	}
	table_print(&t, stdout, "");
}

int cmd_history(struct cli *cli)
{
	uint32_t limit;

	if (cli_number(cli, OPTION_LIMIT, 1, LIMIT_MAX, LIMIT_DEFAULT, &limit))
		return EK_EXIT_USAGE;
	return client_show(cli, "history", json_pack("{s:i}", "limit", (int)limit),
			   cli->option[OPTION_EVENTS] ? events_print : history_print);
}

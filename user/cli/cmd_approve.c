// SPDX-License-Identifier: GPL-2.0
/* approve, reject, proposals: changes that wait until others have agreed. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/change.h"
#include "cli/file.h"
#include "cli/table.h"
#include "cli/units.h"
#include "lib/cleanup.h"

/* "p7", or "7". */
static int number_of(const struct cli *cli, const char *word, json_int_t *out)
{
	const char *digits = word + (word[0] == 'p');
	char *end;

	*out = strtoll(digits, &end, 10);
	if (digits[0] < '1' || digits[0] > '9' || *end || strlen(digits) > 18)
		return cli_usage(cli, "\"%s\" is no change that waits, as p7", word);
	return 0;
}

/* "by a member of group sre, or signed by one of /etc/evenkeel/signers" */
static void who_print(const json_t *p)
{
	const char *group = fact_text(p, "group"), *signers = fact_text(p, "signers");

	if (*group)
		printf("by a member of group %s", group);
	if (*signers)
		printf("%ssigned by one of %s", *group ? ", or " : "", signers);
}

static void approvals_print(const json_t *p)
{
	const json_t *approval;
	char when[UNITS_MAX];
	size_t i;

	json_array_foreach(json_object_get(p, "approvals"), i, approval)
		printf("  approved by %s%s, %s\n", fact_text(approval, "name"),
		       fact_true(approval, "signed") ? " (signature)" : "",
		       units_time((int64_t)fact_count(approval, "time"), when));
}

void change_waits_print(const struct cli *cli, const json_t *p)
{
	uint64_t number = fact_count(p, "proposal"), missing = fact_count(p, "missing");
	char when[UNITS_MAX];

	printf("change p%" PRIu64 " waits for %" PRIu64 " %s: ", number, missing,
	       missing == 1 ? "approval" : "approvals");
	who_print(p);
	printf("\n  not by %s, who proposed it, nor by root; until %s\n", fact_text(p, "user"),
	       units_time((int64_t)fact_count(p, "until"), when));
	approvals_print(p);
	printf("  content %s\n", fact_text(p, "content"));
	printf("  evenkeel proposals p%" PRIu64 " shows it, evenkeel approve p%" PRIu64
	       " agrees to it\n",
	       number, number);
}

/* ---- proposals ------------------------------------------------------------------------------- */

static void list_print(const struct cli *cli, const json_t *result)
{
	static const struct column columns[] = {
		{ "CHANGE", false }, { "TIME", false },    { "USER", false }, { "MISSING", true },
		{ "UNTIL", false },  { "COMMAND", false }, { "", false },
	};
	_cleanup_(table_release) struct table t = { .columns = columns,
						    .width = sizeof(columns) / sizeof(columns[0]) };
	const json_t *list = json_object_get(result, "proposals"), *p;
	char when[UNITS_MAX];
	size_t i;

	json_array_foreach(list, i, p) {
		table_add(&t, "p%" PRIu64, fact_count(p, "proposal"));
		table_add(&t, "%s", units_time((int64_t)fact_count(p, "time"), when));
		table_add(&t, "%s", fact_text(p, "user"));
		table_add(&t, "%" PRIu64, fact_count(p, "missing"));
		table_add(&t, "%s", units_time((int64_t)fact_count(p, "until"), when));
		table_add(&t, "%s", fact_text(p, "command"));
		table_add(&t, "%s", fact_text(p, "change"));
	}
	if (json_array_size(list))
		table_print(&t, stdout, "");
	else
		puts("no change waits for approvals");
}

static void one_print(const struct cli *cli, const json_t *p)
{
	const char *origin = fact_text(p, "origin");
	char when[UNITS_MAX];

	printf("change p%" PRIu64 " (%s) by %s%s%s, %s\n", fact_count(p, "proposal"),
	       fact_text(p, "command"), fact_text(p, "user"), *origin ? " from " : "", origin,
	       units_time((int64_t)fact_count(p, "time"), when));
	if (!strcmp(fact_text(p, "state"), "waiting")) {
		change_waits_print(cli, p);
	} else {
		printf("  %s: %s\n", fact_text(p, "state"), fact_text(p, "detail"));
		approvals_print(p);
	}
	if (*fact_text(p, "forced"))
		printf("  FORCED past the gates %s: %s\n", fact_text(p, "forced"),
		       fact_text(p, "reason"));
	printf("\nwhen it was proposed, made of revision %" PRIu64 ":\n%s", fact_count(p, "base"),
	       fact_text(p, "plan"));
}

int cmd_proposals(struct cli *cli)
{
	json_int_t number;

	if (!cli->count)
		return client_show(cli, "proposals", json_object(), list_print);
	if (number_of(cli, cli->words[0], &number))
		return EK_EXIT_USAGE;
	return client_show(cli, "proposals", json_pack("{s:I}", "proposal", number), one_print);
}

/* ---- approve, reject ------------------------------------------------------------------------- */

int cmd_approve(struct cli *cli)
{
	_cleanup_(file_release) struct file file = {};
	const char *path = cli->option[OPTION_SIGNATURE];
	json_int_t number;
	json_t *arguments;
	int status = number_of(cli, cli->words[0], &number);

	if (!status && path)
		status = file_read(&file, path);
	if (status)
		return status;
	arguments = json_pack("{s:I}", "proposal", number);
	if (path &&
	    json_object_set_new(arguments, "signature", json_stringn(file.text, file.length))) {
		json_decref(arguments);
		return cli_error("%s is no signature: it is not text", file.name);
	}
	return change_ask(cli, "approve", arguments);
}

static void rejected_print(const struct cli *cli, const json_t *result)
{
	printf("change p%" PRIu64 " is rejected\n", fact_count(result, "proposal"));
}

int cmd_reject(struct cli *cli)
{
	const char *reason = cli->option[OPTION_REASON];
	json_int_t number;

	if (number_of(cli, cli->words[0], &number))
		return EK_EXIT_USAGE;
	return client_show(cli, "reject",
			   json_pack("{s:I, s:s*}", "proposal", number, "reason", reason),
			   rejected_print);
}

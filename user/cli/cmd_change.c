// SPDX-License-Identifier: GPL-2.0
/* apply, rollback, and what every change of the configuration prints. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/change.h"
#include "cli/file.h"
#include "lib/cleanup.h"
#include "lib/config.h"
#include "lib/diag.h"

/* Warnings are among the messages too, which are printed already. */
static void change_print(const struct cli *cli, const json_t *result)
{
	if (fact_true(result, "overlay"))
		printf("%s (revision %" PRIu64 " stays in force)\n",
		       fact_true(result, "changed") ? "done, over every revision until it is undone"
						    : "nothing to change",
		       fact_count(result, "revision"));
	else if (json_is_false(json_object_get(result, "changed")))
		printf("nothing to change: revision %" PRIu64 " stays in force\n",
		       fact_count(result, "revision"));
	else if (json_object_get(result, "revision"))
		printf("revision %" PRIu64 " is in force\n", fact_count(result, "revision"));
}

int change_ask(const struct cli *cli, const char *command, json_t *arguments)
{
	return client_show(cli, command, arguments, change_print);
}

int cmd_apply(struct cli *cli)
{
	_cleanup_(file_release) struct file file = {};
	_cleanup_(diag_release) struct diag diag = {};
	_cleanup_(config_release) struct config *config = NULL;
	json_t *arguments;

	if (file_read(&file, cli->words[0]))
		return EK_EXIT_REFUSED;
	diag.file = file.name;
	config_parse(&config, file.text, file.length, &diag);
	if (!config) {
		diag_sort(&diag);
		file_diag_print(&diag, false);
		if (cli_json(cli)) {
			_cleanup_(json_release) json_t *facts = file_facts(&file, NULL, &diag);

			fact_print(facts, false);
		}
		return cli_error("%s: not valid (errors: %zu): nothing changed", file.name,
				 diag.errors);
	}
	arguments = json_pack("{s:s%, s:s}", "text", file.text, file.length, "file", file.name);
	if (cli->option[OPTION_BASE]) {
		uint32_t base;

		if (cli_number(cli, OPTION_BASE, 0, INT32_MAX, 0, &base)) {
			json_decref(arguments);
			return EK_EXIT_USAGE;
		}
		json_object_set_new(arguments, "base", json_integer(base));
	}
	return change_ask(cli, "apply", arguments);
}

int cmd_rollback(struct cli *cli)
{
	json_t *arguments = json_object();
	json_int_t revision;
	char *end;

	if (cli->count) {
		const char *word = cli->words[0];

		revision = strtoll(word, &end, 10);
		if (word[0] < '1' || word[0] > '9' || *end || strlen(word) > 18) {
			json_decref(arguments);
			return cli_usage(cli, "\"%s\" is no number of a revision", word);
		}
		json_object_set_new(arguments, "revision", json_integer(revision));
	}
	return change_ask(cli, "rollback", arguments);
}

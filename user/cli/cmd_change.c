// SPDX-License-Identifier: GPL-2.0
/* apply, and what every change of the configuration prints. */
#include <inttypes.h>
#include <stdio.h>

#include "cli/change.h"
#include "cli/file.h"
#include "lib/cleanup.h"
#include "lib/config.h"
#include "lib/diag.h"

/* Warnings are among the messages too, which are printed already. */
static void change_print(const struct cli *cli, const json_t *result)
{
	if (json_is_false(json_object_get(result, "changed")))
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
	return change_ask(cli, "apply",
			  json_pack("{s:s%, s:s}", "text", file.text, file.length, "file",
				    file.name));
}

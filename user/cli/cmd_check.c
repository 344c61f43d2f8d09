// SPDX-License-Identifier: GPL-2.0
/* check: judges the file by the code that evenkeeld runs too. */
#include <inttypes.h>
#include <stdio.h>

#include "cli/facts.h"
#include "cli/file.h"
#include "lib/cleanup.h"
#include "lib/config.h"
#include "lib/diag.h"

int cmd_check(struct cli *cli)
{
	_cleanup_(file_release) struct file file = {};
	_cleanup_(diag_release) struct diag diag = {};
	_cleanup_(config_release) struct config *config = NULL;
	_cleanup_(json_release) json_t *facts = NULL;

	if (file_read(&file, cli->words[0]))
		return EK_EXIT_REFUSED;
	diag.file = file.name;
	config_parse(&config, file.text, file.length, &diag);
	diag_sort(&diag);
	facts = file_facts(&file, config, &diag);
	file_diag_print(&diag, true);
	if (cli_json(cli))
		fact_print(facts, false);
	else if (config)
		printf("%s: valid (services: %" PRIu64 ", backends: %" PRIu64 ")\n", file.name,
		       fact_count(facts, "services"), fact_count(facts, "backends"));
	else
		cli_error("%s: not valid (errors: %zu)", file.name, diag.errors);
	return config ? EK_EXIT_DONE : EK_EXIT_REFUSED;
}

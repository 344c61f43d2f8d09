// SPDX-License-Identifier: GPL-2.0
/* evenkeel(8): finds the command in the table and runs it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

static int run(struct cli *cli)
{
	int status;

	if (!cli->count && cli->option[OPTION_HELP]) {
		cli_help();
		return EK_EXIT_DONE;
	}
	if (!cli->count)
		return cli_usage(cli, "no command given");
	status = cli_find(cli);
	if (status)
		return status;
	if (!cli->option[OPTION_HELP])
		return cli->command->run(cli);
	if (cli->command)
		cli_help_command(cli->command);
	else
		cli_help_family(cli->words[0]);
	return EK_EXIT_DONE;
}

int main(int argc, char **argv)
{
	struct cli cli = {};
	const char **words;
	int status;

	status = cli_parse(&cli, argc, argv);
	words = cli.words;
	if (!status)
		status = run(&cli);
	free(words);
	/* What could not be printed was not delivered: a full disk is no success. */
	if (fflush(stdout) || ferror(stdout)) {
		int failed = cli_error("cannot write the output: %s", strerror(errno));

		return status ? status : failed;
	}
	return status;
}

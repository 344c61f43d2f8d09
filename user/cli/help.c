// SPDX-License-Identifier: GPL-2.0
/* Everything printed here comes from the table of commands. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

static void synopsis_print(const char *before, const struct command *c, const char *synopsis)
{
	printf("%sevenkeel %s%s%s\n", before, c->name, *synopsis ? " " : "", synopsis);
}

static void options_print(uint64_t options)
{
	for (int i = 0; i < OPTIONS; i++) {
		const struct option_info *o = &cli_options[i];
		char left[64];

		if (!(options & OPTION_BIT(i)))
			continue;
		snprintf(left, sizeof(left), "--%s%s%s%s", o->name,
			 o->value_optional ? "[="
			 : o->value        ? " "
					   : "",
			 o->value ? o->value : "", o->value_optional ? "]" : "");
		printf("  %-20s  %s\n", left, o->text);
	}
}

static void commands_print(const char *family)
{
	for (size_t i = 0; i < cli_command_count; i++) {
		const struct command *c = &cli_commands[i];

		if (c->hidden || (family && !cli_in_family(c, family)))
			continue;
		synopsis_print("  ", c, c->synopsis);
		if (c->alternative)
			synopsis_print("  ", c, c->alternative);
		printf("      %s\n", c->summary);
	}
}

void cli_help(void)
{
	puts("usage: evenkeel COMMAND [ARGUMENT...] [OPTION...]\n"
	     "\n"
	     "A layer-4 load balancer: this command asks its controller, evenkeeld.\n"
	     "\n"
	     "commands:");
	commands_print(NULL);
	puts("\noptions of all commands:");
	options_print(OPTIONS_GLOBAL);
	puts("\nexit status: 0 done, 1 refused or failed, 2 usage, 3 rolled back,\n"
	     "4 awaits approval, 5 held");
}

void cli_help_family(const char *family)
{
	printf("commands of evenkeel %s:\n", family);
	commands_print(family);
}

void cli_help_command(const struct command *c)
{
	synopsis_print("usage: ", c, c->synopsis);
	if (c->alternative)
		synopsis_print("       ", c, c->alternative);
	printf("\n%s.\n%s\n", c->summary, c->detail);
	puts("options:");
	options_print(c->options | OPTIONS_GLOBAL);
}

int cmd_help(struct cli *cli)
{
	char name[128];
	const struct command *c;

	if (!cli->count) {
		cli_help();
		return EK_EXIT_DONE;
	}
	snprintf(name, sizeof(name), "%s%s%s", cli->words[0], cli->count > 1 ? " " : "",
		 cli->count > 1 ? cli->words[1] : "");
	c = cli_command(name);
	if (c) {
		cli_help_command(c);
		return EK_EXIT_DONE;
	}
	for (size_t i = 0; i < cli_command_count; i++)
		if (cli_in_family(&cli_commands[i], name)) {
			cli_help_family(name);
			return EK_EXIT_DONE;
		}
	return cli_usage(cli, "no command %s", name);
}

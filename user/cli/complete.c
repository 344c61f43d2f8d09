// SPDX-License-Identifier: GPL-2.0
/* completion-words WORD...: what may stand after these words, one a line, from the table of
 * commands. "@file" and "@interface" stand for what the shell itself knows best. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/client.h"
#include "lib/cleanup.h"

#define ARGUMENT_NAME_MAX 64

/* The first words of commands, or the second ones of a family. */
static void commands_complete(const char *family)
{
	const char *last = "";

	for (size_t i = 0; i < cli_command_count; i++) {
		const struct command *c = &cli_commands[i];
		const char *name = c->name;
		int length;

		if (c->hidden || (family && !cli_in_family(c, family)))
			continue;
		if (family)
			name += strlen(family) + 1;
		length = (int)strcspn(name, " ");
		/* A family's commands stand together in the table. */
		if (!family && !strncmp(last, name, (size_t)length))
			continue;
		printf("%.*s\n", length, name);
		last = name;
	}
}

static void options_complete(uint64_t options)
{
	for (int i = 0; i < OPTIONS; i++)
		if (options & OPTION_BIT(i))
			printf("--%s\n", cli_options[i].name);
}

/* The name of argument number `at` in a synopsis; one with dots goes on for ever. */
static void argument_name(const char *synopsis, size_t at, char out[static ARGUMENT_NAME_MAX])
{
	*out = '\0';
	while (*synopsis) {
		size_t length = strcspn(synopsis, " ");
		const char *next = synopsis + length + strspn(synopsis + length, " ");

		if (!strncmp(synopsis, "--", 2) || !strncmp(synopsis, "[--", 3))
			return;
		if (!at || memmem(synopsis, length, "...", 3)) {
			synopsis += *synopsis == '[';
			snprintf(out, ARGUMENT_NAME_MAX, "%.*s",
				 (int)strspn(synopsis, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"), synopsis);
			return;
		}
		at--;
		synopsis = next;
	}
}

/* Names of services, or of one service's backends; nothing if nobody answers. */
static void names_complete(const struct cli *cli, const char *service)
{
	_cleanup_(answer_release) struct answer answer = {};
	const json_t *names, *element;
	size_t i;

	if (client_call(cli, "services", json_object(), &answer))
		return;
	names = json_object_get(answer.result, "services");
	if (service)
		names = json_object_get(fact_named(names, service), "backends");
	json_array_foreach(names, i, element)
		puts(fact_text(element, "name"));
}

/* "p7" of each change that waits. */
static void proposals_complete(const struct cli *cli)
{
	_cleanup_(answer_release) struct answer answer = {};
	const json_t *proposal;
	size_t i;

	if (client_call(cli, "proposals", json_object(), &answer))
		return;
	json_array_foreach(json_object_get(answer.result, "proposals"), i, proposal)
		printf("p%" PRIu64 "\n", fact_count(proposal, "proposal"));
}

static void argument_complete(const struct cli *cli, const struct command *c, size_t used)
{
	bool of_service = cli_in_family(c, "service"), add = c->run == cmd_backend_add;
	char what[ARGUMENT_NAME_MAX];

	argument_name(c->synopsis, used, what);
	if (!strcmp(what, "FILE"))
		puts("@file");
	else if (!strcmp(what, "IF"))
		puts("@interface");
	else if (!strcmp(what, "SERVICE") || (!strcmp(what, "NAME") && of_service))
		names_complete(cli, NULL);
	else if (!strcmp(what, "NAME") && !add)
		names_complete(cli, cli->words[cli->count - used]);
	else if (!strcmp(what, "CHANGE"))
		proposals_complete(cli);
	else if (!strcmp(what, "COMMAND"))
		commands_complete(NULL);
}

int cmd_completion_words(struct cli *cli)
{
	const struct command *c = NULL;
	char two[128];
	size_t used = 0;

	if (cli->count) {
		snprintf(two, sizeof(two), "%s %s", cli->words[0],
			 cli->count > 1 ? cli->words[1] : "");
		c = cli_command(two);
		used = c ? cli->count - 2 : cli->count - 1;
		if (!c)
			c = cli_command(cli->words[0]);
	}
	if (c)
		argument_complete(cli, c, used);
	else if (cli->count < 2)
		commands_complete(cli->count ? cli->words[0] : NULL);
	options_complete(OPTIONS_GLOBAL | (c ? c->options : 0));
	return EK_EXIT_DONE;
}

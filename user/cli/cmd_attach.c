// SPDX-License-Identifier: GPL-2.0
/* attach, detach, confirm. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/client.h"
#include "dp/dp.h"
#include "lib/cleanup.h"

/* All words, or NULL when memory runs out. */
static json_t *words_json(const struct cli *cli)
{
	_cleanup_(json_release) json_t *words = json_array();

	for (size_t i = 0; i < cli->count; i++)
		if (json_array_append_new(words, json_string(cli->words[i])))
			return NULL;
	return take_ptr(words);
}

/* What was found, and what waits for a confirmation, the messages have said. */
static void attach_print(const struct cli *cli, const json_t *result)
{
	const json_t *interface;
	size_t i;

	json_array_foreach(json_object_get(result, "interfaces"), i, interface)
		if (*fact_text(interface, "mode"))
			printf("%s: attached in %s mode\n", fact_text(interface, "name"),
			       fact_text(interface, "mode"));
}

int cmd_attach(struct cli *cli)
{
	_cleanup_(free_ptr) char *session = cli_session();
	json_t *arguments = json_pack("{s:o, s:b, s:b}", "interfaces", words_json(cli), "generic",
				      cli->option[OPTION_GENERIC] != NULL, "yes",
				      cli->option[OPTION_YES] != NULL);

	if (session)
		json_object_set_new(arguments, "session", json_string(session));
	return client_show(cli, "attach", arguments, attach_print);
}

static void names_print(const json_t *names, const char *what, const char *none)
{
	_cleanup_(free_ptr) char *joined = fact_join(names, ", ");

	if (joined && *joined)
		printf("%s: %s\n", what, joined);
	else
		puts(none);
}

static void detach_print(const struct cli *cli, const json_t *result)
{
	names_print(json_object_get(result, "detached"), "detached", "nothing was attached");
}

static int detach_one(const struct cli *cli, const char *interface, size_t *total)
{
	char error[DP_ERROR_MAX] = "";
	size_t detached = 0;
	int err = dp_detach(cli_pins(cli), interface, &detached, error);

	if (err)
		return cli_error("%s", *error ? error : strerror(-err));
	*total += detached;
	return EK_EXIT_DONE;
}

static int detach_directly(const struct cli *cli)
{
	size_t total = 0;
	int status = EK_EXIT_DONE;

	if (!cli->count)
		status = detach_one(cli, NULL, &total);
	for (size_t i = 0; i < cli->count; i++)
		if (detach_one(cli, cli->words[i], &total))
			status = EK_EXIT_REFUSED;
	if (cli_json(cli)) {
		_cleanup_(json_release) json_t *result =
			json_pack("{s:b, s:I}", "daemon", 0, "count", (json_int_t)total);

		fact_print(result, false);
	} else if (!status) {
		printf("detached %zu interface%s\n", total, total == 1 ? "" : "s");
	}
	return status;
}

int cmd_detach(struct cli *cli)
{
	_cleanup_(answer_release) struct answer answer = {};
	json_t *arguments = json_pack("{s:o}", "interfaces", words_json(cli));
	int err = client_call(cli, "detach", arguments, &answer);

	/* Whoever may not ask may not unlink the pins either: then say only that. */
	if (err == -EACCES || err == -EPERM || err == -EINVAL)
		return client_complain(cli, err);
	if (err) {
		fprintf(stderr, "evenkeeld does not answer on %s: detaching without it\n",
			cli_socket(cli));
		return detach_directly(cli);
	}
	return client_print(cli, &answer, detach_print);
}

static void confirm_print(const struct cli *cli, const json_t *result)
{
	names_print(json_object_get(result, "confirmed"), "stays attached",
		    "nothing waits to be confirmed");
}

int cmd_confirm(struct cli *cli)
{
	return client_show(cli, "confirm", json_object(), confirm_print);
}

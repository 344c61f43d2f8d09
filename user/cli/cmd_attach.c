// SPDX-License-Identifier: GPL-2.0
/* attach, detach, confirm. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/client.h"
#include "dp/dp.h"
#include "lib/cleanup.h"
#include "net/net.h"

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
	_cleanup_(free_ptr) char *session = net_session(getpid());
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

/* Adds the name to `detached` if it was attached. Returns the exit status. */
static int detach_one(const struct cli *cli, const char *interface, json_t *detached)
{
	char error[DP_ERROR_MAX] = "";
	size_t count = 0;
	int err = dp_detach(cli_pins(cli), interface, &count, error);

	if (err)
		return cli_error("%s", *error ? error : strerror(-err));
	if (!count)
		return cli_error("%s is not attached", interface);
	json_array_append_new(detached, json_string(interface));
	return EK_EXIT_DONE;
}

static int detach_all(const struct cli *cli, json_t *detached)
{
	_cleanup_(free_ptr) struct dp_link *links = NULL;
	char error[DP_ERROR_MAX] = "";
	size_t count = 0, gone;
	int err;

	/* Only for the names: what cannot be listed is detached all the same. */
	if (dp_links(cli_pins(cli), &links, &count))
		count = 0;
	err = dp_detach(cli_pins(cli), NULL, &gone, error);
	if (err)
		return cli_error("%s", *error ? error : strerror(-err));
	for (size_t i = 0; i < count; i++)
		json_array_append_new(detached, json_string(links[i].interface));
	return EK_EXIT_DONE;
}

static int detach_directly(const struct cli *cli)
{
	_cleanup_(answer_release) struct answer answer = { .result = json_pack("{s:[]}",
									       "detached") };
	json_t *detached = json_object_get(answer.result, "detached");

	if (!cli->count)
		answer.exit = detach_all(cli, detached);
	for (size_t i = 0; i < cli->count; i++)
		if (detach_one(cli, cli->words[i], detached))
			answer.exit = EK_EXIT_REFUSED;
	return client_print(cli, &answer, detach_print);
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
	const json_t *names = json_object_get(result, "confirmed");
	uint64_t revision = fact_count(result, "revision");

	if (revision)
		printf("revision %" PRIu64 " is confirmed\n", revision);
	if (!revision || json_array_size(names))
		names_print(names, "stays attached", "nothing waits to be confirmed");
}

int cmd_confirm(struct cli *cli)
{
	return client_show(cli, "confirm", json_object(), confirm_print);
}

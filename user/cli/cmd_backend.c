// SPDX-License-Identifier: GPL-2.0
/* backend add, set, drain, undrain, remove: several backends in one command are one change. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/change.h"
#include "evenkeel/limits.h"
#include "lib/addr.h"
#include "lib/cleanup.h"

#define NO_WEIGHT UINT32_MAX

/* Takes `backends` over. */
static int backend_change(const struct cli *cli, const char *action, json_t *backends)
{
	return change_ask(cli, "backend",
			  json_pack("{s:s, s:s, s:o}", "service", cli->words[0], "action", action,
				    "backends", backends));
}

/* Adds a backend to the list: whole, or -ENOMEM. `address` and `weight` may be left out, as NULL
 * and NO_WEIGHT. */
static int backend_append(json_t *backends, const char *name, const char *address, uint32_t weight)
{
	json_t *backend = json_pack("{s:s, s:s*}", "name", name, "address", address);

	if (weight != NO_WEIGHT && json_object_set_new(backend, "weight", json_integer(weight))) {
		json_decref(backend);
		return -ENOMEM;
	}
	return json_array_append_new(backends, backend) ? -ENOMEM : 0;
}

/* The backends named after the service, all with the same weight; NULL when memory runs out. */
static json_t *named_backends(const struct cli *cli, uint32_t weight)
{
	_cleanup_(json_release) json_t *backends = json_array();

	for (size_t i = 1; i < cli->count; i++)
		if (backend_append(backends, cli->words[i], NULL, weight))
			return NULL;
	return take_ptr(backends);
}

static int weight_parse(const struct cli *cli, const char *name, const char *text, uint32_t *out)
{
	unsigned int weight;
	char rest;

	if (strspn(text, "0123456789") != strlen(text) || strlen(text) > 5 ||
	    sscanf(text, "%u%c", &weight, &rest) != 1 || weight > EK_WEIGHT_MAX)
		return cli_usage(cli, "%s: weight \"%s\" is not a number from 0 to %u", name, text,
				 EK_WEIGHT_MAX);
	*out = weight;
	return 0;
}

/* Adds one backend, its address checked. 0, or the exit status after saying why. */
static int backend_take(const struct cli *cli, json_t *backends, const char *name,
			const char *address, uint32_t weight)
{
	struct ek_addr addr;
	const char *why;

	if (addr_parse(&addr, address, &why))
		return cli_usage(cli, "%s: address \"%s\": %s", name, address, why);
	return backend_append(backends, name, address, weight) ? cli_error("out of memory") : 0;
}

/* NAME=ADDRESS[,weight=N] */
static int backend_from_word(const struct cli *cli, json_t *backends, const char *word,
			     uint32_t weight)
{
	static const char key[] = "weight=";
	_cleanup_(free_ptr) char *name = strdup(word);
	char *address = name ? strchr(name, '=') : NULL, *option;

	if (!address || address == name)
		return cli_usage(cli, "\"%s\" is not NAME=ADDRESS[,weight=N]", word);
	*address++ = '\0';
	option = strchr(address, ',');
	if (option) {
		*option++ = '\0';
		if (strncmp(option, key, sizeof(key) - 1))
			return cli_usage(cli, "%s: \"%s\" is not weight=N", name, option);
		if (weight_parse(cli, name, option + sizeof(key) - 1, &weight))
			return EK_EXIT_USAGE;
	}
	return backend_take(cli, backends, name, address, weight);
}

static int backends_from_words(const struct cli *cli, json_t *backends, uint32_t weight)
{
	if (!strchr(cli->words[1], '=')) {
		if (cli->count != 3)
			return cli_usage(cli, "one backend is SERVICE NAME ADDRESS, several are "
					      "SERVICE NAME=ADDRESS...");
		return backend_take(cli, backends, cli->words[1], cli->words[2], weight);
	}
	for (size_t i = 1; i < cli->count; i++) {
		int status = backend_from_word(cli, backends, cli->words[i], weight);

		if (status)
			return status;
	}
	return 0;
}

int cmd_backend_add(struct cli *cli)
{
	_cleanup_(json_release) json_t *backends = json_array();
	uint32_t weight;
	int status = cli_number(cli, OPTION_WEIGHT, 0, EK_WEIGHT_MAX, NO_WEIGHT, &weight);

	if (!status)
		status = backends_from_words(cli, backends, weight);
	if (status)
		return status;
	return backend_change(cli, "add", take_ptr(backends));
}

int cmd_backend_set(struct cli *cli)
{
	uint32_t weight;

	if (!cli->option[OPTION_WEIGHT])
		return cli_usage(cli, "needs --weight N");
	if (cli_number(cli, OPTION_WEIGHT, 0, EK_WEIGHT_MAX, NO_WEIGHT, &weight))
		return EK_EXIT_USAGE;
	return backend_change(cli, "set", named_backends(cli, weight));
}

int cmd_backend_drain(struct cli *cli)
{
	return backend_change(cli, "drain", named_backends(cli, NO_WEIGHT));
}

int cmd_backend_undrain(struct cli *cli)
{
	return backend_change(cli, "undrain", named_backends(cli, NO_WEIGHT));
}

int cmd_backend_remove(struct cli *cli)
{
	return backend_change(cli, "remove", named_backends(cli, NO_WEIGHT));
}

// SPDX-License-Identifier: GPL-2.0
/* backend add, set, drain, undrain, remove: several backends in one command are one change. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/change.h"
#include "evenkeel/limits.h"
#include "evenkeel/shed.h"
#include "lib/addr.h"
#include "lib/cleanup.h"

#define NO_NUMBER UINT32_MAX

/* What the options set; NO_NUMBER: not given. A capacity of 0 is none. */
struct settings {
	uint32_t weight, new_flows, udp_packets;
	const char *backup; /* "yes", "no"; NULL: not given */
};
static const struct settings no_settings = { NO_NUMBER, NO_NUMBER, NO_NUMBER, NULL };

/* Takes `backends` over. */
static int backend_change(const struct cli *cli, const char *action, json_t *backends)
{
	return change_ask(cli, "backend",
			  json_pack("{s:s, s:s, s:o}", "service", cli->words[0], "action", action,
				    "backends", backends));
}

static int number_set(json_t *backend, const char *key, uint32_t number)
{
	return number == NO_NUMBER ? 0 : json_object_set_new(backend, key, json_integer(number));
}

/* Adds a backend to the list: whole, or -ENOMEM. `address` may be left out, as NULL. */
static int backend_append(json_t *backends, const char *name, const char *address,
			  const struct settings *set)
{
	json_t *backend = json_pack("{s:s, s:s*}", "name", name, "address", address);

	if (number_set(backend, "weight", set->weight) ||
	    number_set(backend, "new_flows", set->new_flows) ||
	    number_set(backend, "udp_packets", set->udp_packets) ||
	    (set->backup &&
	     json_object_set_new(backend, "backup", json_boolean(!strcmp(set->backup, "yes"))))) {
		json_decref(backend);
		return -ENOMEM;
	}
	return json_array_append_new(backends, backend) ? -ENOMEM : 0;
}

/* The backends named after the service, all set alike; NULL when memory runs out. */
static json_t *named_backends(const struct cli *cli, const struct settings *set)
{
	_cleanup_(json_release) json_t *backends = json_array();

	for (size_t i = 1; i < cli->count; i++)
		if (backend_append(backends, cli->words[i], NULL, set))
			return NULL;
	return take_ptr(backends);
}

static int capacity_take(const struct cli *cli, enum cli_option option, uint32_t least,
			 uint32_t *out)
{
	const char *text = cli->option[option];

	if (!text || strcmp(text, "none"))
		return cli_number(cli, option, least, EK_CAPACITY_MAX, NO_NUMBER, out);
	*out = 0;
	return 0;
}

/* 0, or the exit status after saying why. */
static int settings_take(const struct cli *cli, struct settings *out)
{
	int status = cli_number(cli, OPTION_WEIGHT, 0, EK_WEIGHT_MAX, NO_NUMBER, &out->weight);

	out->backup = cli->option[OPTION_BACKUP];
	if (!status && out->backup && strcmp(out->backup, "yes") != 0 && strcmp(out->backup, "no"))
		return cli_usage(cli, "--backup: \"%s\" is neither yes nor no", out->backup);
	status = status ?: capacity_take(cli, OPTION_NEW_FLOWS, 1, &out->new_flows);
	return status ?: capacity_take(cli, OPTION_UDP_PACKETS, EK_PACKETS_MIN, &out->udp_packets);
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
			const char *address, const struct settings *set)
{
	struct ek_addr addr;
	const char *why;

	if (addr_parse(&addr, address, &why))
		return cli_usage(cli, "%s: address \"%s\": %s", name, address, why);
	return backend_append(backends, name, address, set) ? cli_error("out of memory") : 0;
}

/* NAME=ADDRESS[,weight=N] */
static int backend_from_word(const struct cli *cli, json_t *backends, const char *word,
			     const struct settings *set)
{
	static const char key[] = "weight=";
	_cleanup_(free_ptr) char *name = strdup(word);
	char *address = name ? strchr(name, '=') : NULL, *option;
	struct settings own = *set;

	if (!address || address == name)
		return cli_usage(cli, "\"%s\" is not NAME=ADDRESS[,weight=N]", word);
	*address++ = '\0';
	option = strchr(address, ',');
	if (option) {
		*option++ = '\0';
		if (strncmp(option, key, sizeof(key) - 1))
			return cli_usage(cli, "%s: \"%s\" is not weight=N", name, option);
		if (weight_parse(cli, name, option + sizeof(key) - 1, &own.weight))
			return EK_EXIT_USAGE;
	}
	return backend_take(cli, backends, name, address, &own);
}

static int backends_from_words(const struct cli *cli, json_t *backends, const struct settings *set)
{
	if (!strchr(cli->words[1], '=')) {
		if (cli->count != 3)
			return cli_usage(cli, "one backend is SERVICE NAME ADDRESS, several are "
					      "SERVICE NAME=ADDRESS...");
		return backend_take(cli, backends, cli->words[1], cli->words[2], set);
	}
	for (size_t i = 1; i < cli->count; i++) {
		int status = backend_from_word(cli, backends, cli->words[i], set);

		if (status)
			return status;
	}
	return 0;
}

int cmd_backend_add(struct cli *cli)
{
	_cleanup_(json_release) json_t *backends = json_array();
	struct settings set;
	int status = settings_take(cli, &set);

	if (!status)
		status = backends_from_words(cli, backends, &set);
	if (status)
		return status;
	return backend_change(cli, "add", take_ptr(backends));
}

int cmd_backend_set(struct cli *cli)
{
	struct settings set;

	if (!cli->option[OPTION_WEIGHT] && !cli->option[OPTION_NEW_FLOWS] &&
	    !cli->option[OPTION_UDP_PACKETS] && !cli->option[OPTION_BACKUP])
		return cli_usage(cli, "needs --weight N, --new-flows N, --udp-packets N or "
				      "--backup yes|no");
	if (settings_take(cli, &set))
		return EK_EXIT_USAGE;
	return backend_change(cli, "set", named_backends(cli, &set));
}

int cmd_backend_drain(struct cli *cli)
{
	return backend_change(cli, "drain", named_backends(cli, &no_settings));
}

int cmd_backend_undrain(struct cli *cli)
{
	return backend_change(cli, "undrain", named_backends(cli, &no_settings));
}

int cmd_backend_remove(struct cli *cli)
{
	return backend_change(cli, "remove", named_backends(cli, &no_settings));
}

// SPDX-License-Identifier: GPL-2.0
/* decap attach, detach, status: the backend's side, without a daemon. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/facts.h"
#include "cli/table.h"
#include "cli/units.h"
#include "dp/decap.h"
#include "lib/cleanup.h"

static int decap_failed(int err, const char *error)
{
	return cli_error("%s", *error ? error : strerror(-err));
}

int cmd_decap_attach(struct cli *cli)
{
	const char *interface = cli->words[0];
	char error[DP_ERROR_MAX] = "";
	enum dp_mode mode;
	const char *name;
	int err = decap_attach(cli_pins(cli), interface, cli->option[OPTION_GENERIC] != NULL, &mode,
			       error);

	if (err)
		return decap_failed(err, error);
	name = mode == DP_MODE_GENERIC ? "generic" : "driver";
	if (cli_json(cli)) {
		_cleanup_(json_release) json_t *facts =
			json_pack("{s:s, s:s}", "name", interface, "mode", name);

		fact_print(facts, false);
	} else {
		printf("%s: decapsulates in %s mode\n", interface, name);
	}
	return EK_EXIT_DONE;
}

int cmd_decap_detach(struct cli *cli)
{
	const char *interface = cli->words[0];
	char error[DP_ERROR_MAX] = "";
	int err = decap_detach(cli_pins(cli), interface, error);

	if (err)
		return decap_failed(err, error);
	if (cli_json(cli)) {
		_cleanup_(json_release) json_t *facts = json_pack("{s:[s]}", "detached", interface);

		fact_print(facts, false);
	} else {
		printf("%s: decapsulates no more\n", interface);
	}
	return EK_EXIT_DONE;
}

/* Appends one interface's counters. */
static int counters_append(const struct cli *cli, json_t *list, const char *interface)
{
	struct decap_counters c = {};
	char error[DP_ERROR_MAX] = "";
	int err = decap_counters(cli_pins(cli), interface, &c, error);

	if (err)
		return decap_failed(err, error);
	json_array_append_new(
		list, json_pack("{s:s, s:I, s:I, s:I, s:I, s:I}", "name", interface,
				"decapsulated_packets", (json_int_t)c.decapsulated_packets,
				"decapsulated_bytes", (json_int_t)c.decapsulated_bytes, "passed",
				(json_int_t)c.passed, "malformed", (json_int_t)c.malformed,
				"not_local", (json_int_t)c.not_local));
	return EK_EXIT_DONE;
}

static int all_append(const struct cli *cli, json_t *list)
{
	char **names = NULL;
	size_t count = 0;
	int err = decap_list(cli_pins(cli), &names, &count), status = EK_EXIT_DONE;

	if (err)
		return cli_error("cannot list what is pinned below %s: %s", cli_pins(cli),
				 strerror(-err));
	for (size_t i = 0; i < count; i++) {
		if (counters_append(cli, list, names[i]))
			status = EK_EXIT_REFUSED;
		free(names[i]);
	}
	free(names);
	return status;
}

static void counters_print(const json_t *interfaces)
{
	static const struct column columns[] = {
		{ "INTERFACE", false }, { "PACKETS", true },   { "BYTES", true },
		{ "PASSED", true },     { "MALFORMED", true }, { "NOT-LOCAL", true },
	};
	_cleanup_(table_release) struct table t = { .columns = columns,
						    .width = sizeof(columns) / sizeof(columns[0]) };
	const json_t *one;
	char n[UNITS_MAX];
	size_t i;

	json_array_foreach(interfaces, i, one) {
		table_add(&t, "%s", fact_text(one, "name"));
		table_add(&t, "%s", units_count(fact_count(one, "decapsulated_packets"), n));
		table_add(&t, "%s", units_bytes(fact_count(one, "decapsulated_bytes"), n));
		table_add(&t, "%s", units_count(fact_count(one, "passed"), n));
		table_add(&t, "%s", units_count(fact_count(one, "malformed"), n));
		table_add(&t, "%s", units_count(fact_count(one, "not_local"), n));
	}
	table_print(&t, stdout, "");
}

int cmd_decap_status(struct cli *cli)
{
	_cleanup_(json_release) json_t *facts = json_pack("{s:[]}", "interfaces");
	json_t *list = json_object_get(facts, "interfaces");
	int status = cli->count ? counters_append(cli, list, cli->words[0]) : all_append(cli, list);

	if (cli_json(cli))
		fact_print(facts, false);
	else if (json_array_size(list))
		counters_print(list);
	else if (!status)
		puts("nothing decapsulates here: evenkeel decap attach IF");
	return status;
}

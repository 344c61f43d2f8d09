// SPDX-License-Identifier: GPL-2.0
/* service list, service show. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/client.h"
#include "cli/status.h"
#include "cli/table.h"
#include "lib/cleanup.h"
#include "lib/diag.h"

static void list_print(const struct cli *cli, const json_t *result)
{
	static const struct column columns[] = {
		{ "NAME", false }, { "FORWARD", false },  { "BACKENDS", true },
		{ "SLOTS", true }, { "UNSETTLED", true }, { "LISTENERS", false },
	};
	_cleanup_(table_release) struct table t = { .columns = columns,
						    .width = sizeof(columns) / sizeof(columns[0]) };
	const json_t *service;
	size_t i;

	json_array_foreach(json_object_get(result, "services"), i, service) {
		_cleanup_(free_ptr) char *listeners =
			fact_join(json_object_get(service, "listeners"), ", ");

		table_add(&t, "%s", fact_text(service, "name"));
		table_add(&t, "%s", fact_text(service, "forward"));
		table_add(&t, "%zu", json_array_size(json_object_get(service, "backends")));
		table_add(&t, "%" PRIu64, fact_count(service, "slots"));
		table_add(&t, "%" PRIu64, fact_count(service, "unsettled"));
		table_add(&t, "%s", listeners ? listeners : "");
	}
	table_print(&t, stdout, "");
}

int cmd_service_list(struct cli *cli)
{
	return client_show(cli, "services", json_object(), list_print);
}

static int service_missing(const char *name, const json_t *services)
{
	size_t count = json_array_size(services), i;
	_cleanup_(free_ptr) const char **names = calloc(count + 1, sizeof(*names));
	const json_t *service;
	const char *near = NULL;

	if (names) {
		json_array_foreach(services, i, service)
			names[i] = fact_text(service, "name");
		near = suggest(name, names, count);
	}
	return near ? cli_error("no service %s; did you mean %s?", name, near)
		    : cli_error("no service %s; see evenkeel service list", name);
}

int cmd_service_show(struct cli *cli)
{
	_cleanup_(json_release) json_t *result = NULL;
	const json_t *services, *service;
	int status = client_run(cli, "services", json_object(), &result);

	if (status)
		return status;
	services = json_object_get(result, "services");
	service = fact_named(services, cli->words[0]);
	if (!service)
		return service_missing(cli->words[0], services);
	if (cli_json(cli)) {
		_cleanup_(json_release) json_t *one = json_pack("{s:[O]}", "services", service);

		fact_print(one, false);
	} else {
		status_service_print(stdout, service, NULL);
	}
	return EK_EXIT_DONE;
}

// SPDX-License-Identifier: GPL-2.0
/* clients: who sends how much. */
#include <inttypes.h>
#include <stdio.h>

#include "cli/client.h"
#include "cli/table.h"
#include "cli/units.h"
#include "lib/cleanup.h"

static uint64_t rate(const json_t *object, const char *key)
{
	double value = fact_share(object, key);

	return value > 0 ? (uint64_t)(value + 0.5) : 0;
}

static void share_add(struct table *t, const json_t *client, const char *key)
{
	char text[UNITS_MAX];

	table_add(t, "%s", units_share(fact_share(client, key), text));
}

static void service_print(const json_t *service)
{
	static const struct column columns[] = {
		{ "CLIENT", false }, { "BYTES", true },   { "PACKETS", true },  { "FLOWS", true },
		{ "BYTES/S", true }, { "SAMPLES", true }, { "BACKEND", false }, { "OF IT", true },
	};
	_cleanup_(table_release) struct table t = { .columns = columns,
						    .width = sizeof(columns) / sizeof(columns[0]) };
	char packets[UNITS_MAX], bytes[UNITS_MAX];
	const json_t *client;
	size_t i;

	printf("%s: %" PRIu64 " clients in %" PRIu64 " sampled packets of the last %" PRIu64
	       " s; %s packets/s, %s/s\n",
	       fact_text(service, "name"), fact_count(service, "clients"),
	       fact_count(service, "samples"), rate(service, "seconds"),
	       units_count(rate(service, "packets_per_s"), packets),
	       units_bytes(rate(service, "bytes_per_s"), bytes));
	json_array_foreach(json_object_get(service, "heaviest"), i, client) {
		table_add(&t, "%s", fact_text(client, "address"));
		share_add(&t, client, "share_bytes");
		share_add(&t, client, "share_packets");
		share_add(&t, client, "share_flows");
		table_add(&t, "%s", units_bytes(rate(client, "bytes_per_s"), bytes));
		table_add(&t, "%" PRIu64, fact_count(client, "samples"));
		table_add(&t, "%s", fact_text(client, "backend"));
		share_add(&t, client, "share_to_backend");
	}
	if (i)
		table_print(&t, stdout, "  ");
}

static void clients_print(const struct cli *cli, const json_t *result)
{
	const json_t *service;
	size_t i;

	json_array_foreach(json_object_get(result, "services"), i, service)
		service_print(service);
}

int cmd_clients(struct cli *cli)
{
	json_t *arguments;
	uint32_t limit;
	int status = cli_number(cli, OPTION_LIMIT, 1, 1000, 20, &limit);

	if (status)
		return status;
	arguments = json_pack("{s:i}", "limit", (int)limit);
	if (cli->count && json_object_set_new(arguments, "service", json_string(cli->words[0])))
		return cli_error("%s: not UTF-8", cli->words[0]);
	return client_show(cli, "clients", arguments, clients_print);
}

// SPDX-License-Identifier: GPL-2.0
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/client.h"
#include "lib/addr.h"
#include "lib/cleanup.h"

static void line(const char *what, const char *text)
{
	printf("  %-13s%s\n", what, text);
}

static void hop_print(const json_t *hop)
{
	const char *gateway = fact_text(hop, "gateway");

	if (strcmp(fact_text(hop, "state"), "ready") != 0) {
		line("next hop", fact_text(hop, "state"));
		return;
	}
	printf("  %-13s%s%s on %s", "next hop", *gateway ? "via " : "direct", gateway,
	       fact_text(hop, "interface"));
	if (json_is_integer(json_object_get(hop, "vlan")))
		printf(" (VLAN %" PRIu64 " on %s)", fact_count(hop, "vlan"),
		       fact_text(hop, "egress"));
	printf(", MAC %s, MTU %" PRIu64 "\n", fact_text(hop, "mac"), fact_count(hop, "mtu"));
}

static void answer_print(const char *what, const json_t *answer)
{
	const char *backend = fact_text(answer, "backend");

	if (!*backend) {
		line(what, "no backend: dropped");
		return;
	}
	printf("  %-13s%s %s", what, backend, fact_text(answer, "address"));
	if (json_is_integer(json_object_get(answer, "port")))
		printf(" port %" PRIu64, fact_count(answer, "port"));
	printf("\n");
}

static void way_print(const json_t *answer)
{
	const json_t *outer = json_object_get(answer, "outer");

	if (!*fact_text(answer, "backend"))
		return;
	hop_print(json_object_get(answer, "next_hop"));
	if (json_is_object(outer))
		printf("  %-13s%s > %s (%s)\n", "outer header", fact_text(outer, "source"),
		       fact_text(outer, "destination"), fact_text(answer, "forward"));
}

/* New and established packets mostly go the same way: then it is told once. */
static void answers_print(const json_t *result)
{
	const json_t *first = json_object_get(result, "new_flow");
	const json_t *later = json_object_get(result, "established");

	if (json_equal(first, later)) {
		answer_print("backend", first);
		way_print(first);
		return;
	}
	answer_print("new flow", first);
	way_print(first);
	answer_print("established", later);
	way_print(later);
}

static void explain_print(const struct cli *cli, const json_t *result)
{
	const json_t *remembered = json_object_get(result, "remembered");

	printf("%s\n", fact_text(result, "flow"));
	if (fact_true(result, "for_service")) {
		line("service", fact_text(result, "service"));
		printf("  %-13s%" PRIu64 " of %" PRIu64 ", %s\n", "slot",
		       fact_count(result, "slot"), fact_count(result, "slots"),
		       fact_true(result, "slot_settled") ? "settled" : "unsettled");
		if (json_is_object(remembered))
			printf("  %-13s%s, %s\n", "remembered", fact_text(remembered, "backend"),
			       fact_text(remembered, "phase"));
		answers_print(result);
	} else {
		line("service", "none: the packet is passed to this host, untouched");
	}
	if (*fact_text(result, "why"))
		line("why", fact_text(result, "why"));
	if (json_is_false(json_object_get(result, "attached")))
		line("but",
		     "no interface is attached, so no packet comes here: evenkeel attach IF");
}

/* "A > B" in one word, "A" ">" "B", or "A" "B". Allocated. */
static char *flow_text(const struct cli *cli)
{
	const char *source = cli->words[0], *dest = cli->words[cli->count - 1];
	char *text = NULL;

	if (cli->count == 1)
		return strdup(source);
	return asprintf(&text, "%s > %s", source, dest) < 0 ? NULL : text;
}

int cmd_explain(struct cli *cli)
{
	_cleanup_(free_ptr) char *text = flow_text(cli);
	struct flow_spec flow;
	const char *why;

	if (!text)
		return cli_error("out of memory");
	if (cli->count == 3 && strcmp(cli->words[1], ">") != 0)
		return cli_usage(cli, "\"%s\" is not \">\"", cli->words[1]);
	if (cli->count == 1 && !strchr(text, '>'))
		return cli_usage(cli,
				 "\"%s\" is half a flow; quote it, for the shell takes >: "
				 "\"SOURCE > DESTINATION\"",
				 text);
	if (flow_spec_parse(&flow, text, &why))
		return cli_usage(cli, "\"%s\": %s", text, why);
	return client_show(cli, "explain", json_pack("{s:s}", "flow", text), explain_print);
}

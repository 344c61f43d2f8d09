// SPDX-License-Identifier: GPL-2.0
/* backend setup: facts from evenkeeld, commands from lib/setup. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/client.h"
#include "lib/cleanup.h"
#include "lib/config.h"
#include "lib/setup.h"

/* What backends of a service have in common. */
struct common {
	struct endpoint *listeners;
	struct setup_source *sources;
	struct setup_facts facts;
};

static void common_release(struct common *c)
{
	free(c->listeners);
	free(c->sources);
}

static int forward_parse(const char *name, enum ek_forward *out)
{
	for (int f = EK_FORWARD_L2; f <= EK_FORWARD_NAT; f++)
		if (!strcmp(config_forward_name((enum ek_forward)f), name)) {
			*out = (enum ek_forward)f;
			return 0;
		}
	return cli_error("forward mode \"%s\" is unknown to this version of the command", name);
}

static int source_parse(struct setup_source *out, const char *text)
{
	const char *why;

	if (strchr(text, '/'))
		return prefix_parse(&out->addr, &out->bits, text, &why);
	return addr_parse(&out->addr, text, &why);
}

static int common_parse(struct common *c, const json_t *result)
{
	const json_t *listeners = json_object_get(result, "listeners"), *element;
	const json_t *sources = json_object_get(result, "balancer_sources");
	const char *why, *text;
	size_t i;

	c->listeners = calloc(json_array_size(listeners) + 1, sizeof(*c->listeners));
	c->sources = calloc(json_array_size(sources) + 1, sizeof(*c->sources));
	if (!c->listeners || !c->sources)
		return cli_error("out of memory");
	json_array_foreach(listeners, i, element) {
		text = json_string_value(element);
		if (!text || endpoint_parse(&c->listeners[i], text, false, &why))
			return cli_error("evenkeeld's answer has no valid listener %zu", i + 1);
	}
	json_array_foreach(sources, i, element) {
		text = json_string_value(element);
		if (!text || source_parse(&c->sources[i], text))
			return cli_error("evenkeeld's answer has no valid source address %zu",
					 i + 1);
	}
	c->facts = (struct setup_facts){
		.service = fact_text(result, "service"),
		.gue = json_integer_value(json_object_get(result, "gue_variant"))
			       ? 0
			       : EK_GUE_VARIANT_0,
		.listeners = c->listeners,
		.listener_count = json_array_size(listeners),
		.sources = c->sources,
		.source_count = json_array_size(sources),
	};
	return forward_parse(fact_text(result, "forward"), &c->facts.forward);
}

/* The commands for one backend. Allocated; NULL after saying why. */
static char *backend_commands(const struct common *c, const json_t *backend)
{
	struct setup_facts facts = c->facts;
	const char *why;
	char *text;

	facts.backend = fact_text(backend, "name");
	facts.mtu = (uint32_t)fact_count(backend, "mtu");
	facts.port = (uint32_t)fact_count(backend, "port");
	if (addr_parse(&facts.addr, fact_text(backend, "address"), &why)) {
		cli_error("evenkeeld's answer has no valid address for %s", facts.backend);
		return NULL;
	}
	text = setup_commands(&facts);
	if (!text)
		cli_error("out of memory");
	return text;
}

/* Leaves only the backend that was asked for. */
static int backends_narrow(json_t *result, const char *name)
{
	const json_t *one = fact_named(json_object_get(result, "backends"), name);

	if (!one)
		return cli_error("service %s has no backend %s; see evenkeel service show %s",
				 fact_text(result, "service"), name, fact_text(result, "service"));
	return json_object_set_new(result, "backends", json_pack("[O]", one));
}

static int commands_add(json_t *result)
{
	_cleanup_(common_release) struct common common = {};
	json_t *backend;
	size_t i;

	if (common_parse(&common, result))
		return EK_EXIT_REFUSED;
	json_array_foreach(json_object_get(result, "backends"), i, backend) {
		_cleanup_(free_ptr) char *text = backend_commands(&common, backend);

		if (!text)
			return EK_EXIT_REFUSED;
		json_object_set_new(backend, "commands", json_string(text));
	}
	return EK_EXIT_DONE;
}

static void commands_print(const json_t *result)
{
	const json_t *backend;
	size_t i;

	json_array_foreach(json_object_get(result, "backends"), i, backend)
		printf("%s%s", i ? "\n" : "", fact_text(backend, "commands"));
}

int cmd_backend_setup(struct cli *cli)
{
	_cleanup_(json_release) json_t *result = NULL;
	int status =
		client_run(cli, "setup", json_pack("{s:s}", "service", cli->words[0]), &result);

	if (!status && cli->count > 1)
		status = backends_narrow(result, cli->words[1]);
	if (!status)
		status = commands_add(result);
	if (status)
		return status;
	if (cli_json(cli))
		fact_print(result, false);
	else
		commands_print(result);
	return EK_EXIT_DONE;
}

// SPDX-License-Identifier: GPL-2.0
/* From the tree to the model: the keys of the top level. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/config_keys.h"

/* ---- interfaces ------------------------------------------------------------------------------ */

/* While reading, a NULL ends the interfaces. */
static bool is_listed(const struct config *c, const char *interface)
{
	for (char **i = c->interfaces; *i; i++) {
		if (!strcmp(*i, interface))
			return true;
	}
	return false;
}

static void read_interface(const struct reader *r, const struct node *item, struct config *c)
{
	static const struct key as_item = { .name = "an interface", .want = "a name" };
	const char *name, *problem;
	char *copy;

	if (!expect_kind(r, &as_item, item, NODE_SCALAR))
		return;
	name = node_text(r, item);
	problem = config_interface_problem(name);
	if (problem) {
		diag_error_at(r->d, item->place, "interface name '%.64s' %s", name, problem);
		return;
	}
	if (is_listed(c, name)) {
		diag_error_at(r->d, item->place, "interface '%s' is listed twice", name);
		return;
	}
	copy = strdup(name);
	if (copy)
		c->interfaces[c->interface_count++] = copy;
	else
		r->d->out_of_memory = true;
}

static void read_interfaces(const struct reader *r, const struct key *key, const struct node *value,
			    void *object)
{
	struct config *c = object;
	size_t count;

	if (!expect_kind(r, key, value, NODE_SEQUENCE))
		return;
	count = node_count(r, value);
	if (count > EK_EGRESS_MAX) {
		diag_error_at(r->d, value->place, "%zu interfaces are more than %u", count,
			      EK_EGRESS_MAX);
		return;
	}
	c->interfaces = read_allocate(r, count + 1, sizeof(*c->interfaces));
	if (!c->interfaces)
		return;
	for (const struct node *item = NULL; (item = next_item(r, value, item));)
		read_interface(r, item, c);
}

/* ---- the rest -------------------------------------------------------------------------------- */

static void read_echo(const struct reader *r, const struct key *key, const struct node *value,
		      void *object)
{
	static const char *const words[] = { "answer", "pass", "drop" };
	static const enum ek_echo choices[] = { EK_ECHO_ANSWER, EK_ECHO_PASS, EK_ECHO_DROP };
	struct config *c = object;
	uint32_t choice;

	if (read_choice(r, key, value, words, ARRAY_SIZE(words), &choice))
		c->echo = choices[choice];
}

static void read_source_prefix(const struct reader *r, const struct node *item, struct config *c)
{
	static const struct key as_item = {
		.name = "a tunnel source",
		.want = "a prefix: \"192.0.2.0/24\" or \"2001:db8:f::/64\"",
	};
	struct config_prefix prefix = { .place = item->place };
	struct config_prefix *of_family;
	const char *text, *why;

	if (!expect_kind(r, &as_item, item, NODE_SCALAR))
		return;
	text = node_text(r, item);
	if (prefix_parse(&prefix.addr, &prefix.bits, text, &why)) {
		diag_error_at(r->d, item->place, "tunnel source '%.64s': %s", text, why);
		return;
	}
	of_family = addr_is_ipv4(&prefix.addr) ? &c->tunnel_source4 : &c->tunnel_source6;
	if (of_family->set)
		diag_error_at(r->d, item->place,
			      "tunnel source '%.64s' is the second of its family: give one", text);
	prefix.set = true;
	*of_family = prefix;
}

static void read_tunnel_source(const struct reader *r, const struct key *key,
			       const struct node *value, void *object)
{
	if (!expect_kind(r, key, value, NODE_SEQUENCE))
		return;
	for (const struct node *item = NULL; (item = next_item(r, value, item));)
		read_source_prefix(r, item, object);
}

enum { ROOT_SERVICES };
static const struct key root_keys[] = {
	[ROOT_SERVICES] = { .name = "services",
			    .want = "a mapping of names to services ({} for none)",
			    .read = read_services },
	{ .name = "interfaces", .want = "a list of interface names", .read = read_interfaces },
	{ .name = "echo", .want = "answer, pass or drop", .read = read_echo },
	{ .name = "tunnel_source", .want = "a list of prefixes", .read = read_tunnel_source },
	{ .name = "guards", .want = "a mapping of limits", .read = read_guards },
	{ .name = "silence", .want = "a list of lints with reasons", .read = read_silences },
	{ .name = "removed", .want = "a list of services and listeners", .read = read_removed },
	{ .name = "stage", .want = "a mapping with the keys steps and watch", .read = read_stage },
	{ .name = "policy", .want = "a mapping with the key approvals", .read = read_policy },
};
static const struct schema root_schema = {
	"at the top level",
	"interfaces, echo, tunnel_source, guards, silence, removed, stage, policy, services",
	root_keys,
	ARRAY_SIZE(root_keys),
};
static const struct schema *const all_schemas[] = {
	&root_schema,
	&config_service_schema,
	&config_gue_schema,
	&config_quic_schema,
	&config_backend_schema,
	&config_health_schema,
	&config_rebalance_schema,
	&config_ask_schema,
	&config_capacity_schema,
	&config_stage_schema,
	&config_policy_schema,
	&config_guards_schema,
	&config_silence_schema,
};

static void read_root(const struct reader *r, struct config *c)
{
	static const struct key as_root = {
		.name = "a configuration",
		.want = "a mapping with the keys interfaces and services",
	};
	const struct node *root = &r->tree->nodes[1];
	unsigned int seen;

	if (r->tree->count < 2)
		return;
	if (!expect_kind(r, &as_root, root, NODE_MAPPING))
		return;
	seen = read_mapping(r, &root_schema, root, c);
	if (!(seen & 1u << ROOT_SERVICES) && !root->partial)
		diag_error(r->d, 0, 0,
			   "there is no key services: write 'services: {}' if there are to be "
			   "none");
}

int config_parse(struct config **out, const char *text, size_t length, struct diag *d)
{
	_cleanup_(config_release) struct config *c = config_new();
	_cleanup_(tree_release) struct tree tree = {};
	struct reader r = { &tree, d, all_schemas, ARRAY_SIZE(all_schemas) };
	size_t errors = d->errors;
	int err;

	if (!c)
		return -ENOMEM;
	err = tree_read(&tree, text, length, d);
	if (err)
		return err;
	read_root(&r, c);
	config_check_draft(c, d);
	diag_sort(d);
	if (d->out_of_memory)
		return -ENOMEM;
	if (d->errors > errors)
		return -EINVAL;
	*out = take_ptr(c);
	return 0;
}

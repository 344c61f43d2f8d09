// SPDX-License-Identifier: GPL-2.0
/* The keys of health: known, not yet acted on. */
#include "lib/config_keys.h"

static void read_health_type(const struct reader *r, const struct key *key,
			     const struct node *value, void *object)
{
	static const char *const words[] = { "tcp", "http", "https", "udp", "exec" };
	uint32_t choice;

	read_choice(r, key, value, words, ARRAY_SIZE(words), &choice);
}

static void read_health_port(const struct reader *r, const struct key *key,
			     const struct node *value, void *object)
{
	uint32_t port;

	read_number(r, key, value, &port);
}

static const struct key health_keys[] = {
	{ .name = "type", .want = "tcp, http, https, udp or exec", .read = read_health_type },
	{ "port", "a number from 1 to 65535", read_health_port, 1, 65535 },
	{ .name = "path" },
	{ .name = "interval" },
	{ .name = "timeout" },
	{ .name = "rise" },
	{ .name = "fall" },
	{ .name = "host" },
	{ .name = "sni" },
	{ .name = "via" },
	{ .name = "send" },
	{ .name = "expect" },
	{ .name = "command" },
};
const struct schema config_health_schema = {
	"in health",
	"type, port, path, interval, timeout, rise, fall, host, sni, via, send, expect, command",
	health_keys,
	ARRAY_SIZE(health_keys),
};

void read_health(const struct reader *r, const struct key *key, const struct node *value,
		 void *object)
{
	struct config_service *s = object;

	if (!expect_kind(r, key, value, NODE_MAPPING))
		return;
	read_mapping(r, &config_health_schema, value, NULL);
	s->has_health = true;
	diag_warning(
		r->d, value->place.line, value->place.column,
		"health is accepted, but this version does not check health yet: every backend "
		"counts as healthy");
}

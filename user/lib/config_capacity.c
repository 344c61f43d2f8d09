// SPDX-License-Identifier: GPL-2.0
/* `capacity` of a service and of a backend. */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "evenkeel/shed.h"
#include "lib/config_keys.h"

#define WANT_RATE(least) "a number from " least " to 10000000, or none"
_Static_assert(EK_CAPACITY_MAX == 10000000 && EK_PACKETS_MIN == 100, "as WANT_RATE() says");

static void read_rate(const struct reader *r, const struct key *key, const struct node *value,
		      uint32_t *out, struct place *place)
{
	*place = value->place;
	if (value->kind == NODE_SCALAR && !strcmp(node_text(r, value), "none"))
		*out = CAPACITY_NONE;
	else
		read_number(r, key, value, out);
}

static void read_flows(const struct reader *r, const struct key *key, const struct node *value,
		       void *object)
{
	struct config_capacity *c = object;

	read_rate(r, key, value, &c->flows, &c->flows_place);
}

static void read_packets(const struct reader *r, const struct key *key, const struct node *value,
			 void *object)
{
	struct config_capacity *c = object;

	read_rate(r, key, value, &c->packets, &c->packets_place);
}

static const struct key capacity_keys[] = {
	{ "new_flows", WANT_RATE("1"), read_flows, 1, EK_CAPACITY_MAX },
	{ "udp_packets", WANT_RATE("100"), read_packets, EK_PACKETS_MIN, EK_CAPACITY_MAX },
};
const struct schema config_capacity_schema = {
	"in capacity",
	"new_flows, udp_packets",
	capacity_keys,
	ARRAY_SIZE(capacity_keys),
};

void read_capacity(const struct reader *r, const struct node *value, struct config_capacity *c)
{
	static const struct key as_number = {
		"capacity",
		"new flows per second (1 to 10000000), none, or a mapping with the keys new_flows "
		"and udp_packets",
		NULL, 1, EK_CAPACITY_MAX
	};

	if (value->kind == NODE_MAPPING)
		read_mapping(r, &config_capacity_schema, value, c);
	else
		read_rate(r, &as_number, value, &c->flows, &c->flows_place);
}

/* ---- what holds ------------------------------------------------------------------------------ */

static uint32_t rate_of(uint32_t of_backend, uint32_t of_service)
{
	uint32_t rate = of_backend ? of_backend : of_service;

	return rate == CAPACITY_NONE ? 0 : rate;
}

struct config_capacity config_capacity(const struct config_service *s,
				       const struct config_backend *b)
{
	return (struct config_capacity){
		.flows = rate_of(b->capacity.flows, s->capacity.flows),
		.packets = rate_of(b->capacity.packets, s->capacity.packets),
	};
}

/* ---- checks ---------------------------------------------------------------------------------- */

static bool is_declared(uint32_t rate)
{
	return rate && rate != CAPACITY_NONE;
}

struct transports {
	bool tcp, udp, unknown; /* a listener could not be read */
};

static void check_range(const char *what, const char *name, uint32_t rate, uint32_t least,
			struct place place, struct diag *d)
{
	if (is_declared(rate) && (rate < least || rate > EK_CAPACITY_MAX))
		diag_error_at(d, place, "%s: %s %u is outside %u..%u", name, what, rate, least,
			      EK_CAPACITY_MAX);
}

static void check_capacity(const struct config_service *s, const char *name,
			   const struct config_capacity *c, struct transports t, struct diag *d)
{
	check_range("new_flows", name, c->flows, 1, c->flows_place, d);
	check_range("udp_packets", name, c->packets, EK_PACKETS_MIN, c->packets_place, d);
	if (t.unknown)
		return;
	if (is_declared(c->flows) && !t.tcp && !s->quic_length)
		diag_error_at(
			d, c->flows_place,
			"%s: new flows are told by TCP's SYN and QUIC's Initial, and service "
			"'%s' has neither a tcp listener nor quic: udp_packets bounds plain UDP",
			name, s->name);
	if (is_declared(c->packets) && !t.udp)
		diag_error_at(d, c->packets_place,
			      "%s: udp_packets needs a udp listener: new_flows bounds TCP", name);
	else if (is_declared(c->packets) && s->quic_length)
		diag_error_at(d, c->packets_place,
			      "%s: udp_packets is for plain UDP; with quic, new_flows bounds new "
			      "connections, and packets of others are not shed",
			      name);
}

void config_check_capacity(const struct config_service *s, struct diag *d)
{
	struct transports t = {};
	char name[2 * EK_NAME_MAX + 16];

	for (size_t i = 0; i < s->listener_count; i++) {
		t.tcp |= s->listeners[i].endpoint.proto == IPPROTO_TCP;
		t.udp |= s->listeners[i].endpoint.proto == IPPROTO_UDP;
		t.unknown |= !s->listeners[i].endpoint.proto;
	}
	snprintf(name, sizeof(name), "service '%s'", s->name);
	check_capacity(s, name, &s->capacity, t, d);
	for (size_t i = 0; i < s->backend_count; i++) {
		snprintf(name, sizeof(name), "%s/%s", s->name, s->backends[i].name);
		if (s->backends[i].name[0])
			check_capacity(s, name, &s->backends[i].capacity, t, d);
	}
}

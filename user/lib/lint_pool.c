// SPDX-License-Identifier: GPL-2.0
/* Lints of one pool: a backend that is unlike its peers. And of hosts that are in several. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/lint_internal.h"

#define WEIGHT_TIMES 10u

/* A backend and what of it is compared. */
struct value {
	uint8_t bytes[16];
	const struct config_backend *backend;
};

static int by_value(const void *a, const void *b)
{
	const struct value *l = a, *r = b;
	int order = memcmp(l->bytes, r->bytes, sizeof(l->bytes));

	return order ? order : l->backend < r->backend ? -1 : l->backend > r->backend;
}

static bool same(const struct value *a, const struct value *b)
{
	return !memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

/* Sorts, and finds what more than half of them have, two at least; NULL if nothing is so usual. */
static const struct value *usual(struct value *values, size_t count)
{
	size_t run = 1;

	if (count < 3)
		return NULL;
	qsort(values, count, sizeof(*values), by_value);
	for (size_t i = 1; i < count; i++) {
		run = same(&values[i], &values[i - 1]) ? run + 1 : 1;
		if (run >= 2 && 2 * run > count)
			return &values[i];
	}
	return NULL;
}

/* Nobody else has the value at `i` of the sorted ones. */
static bool is_alone(const struct value *values, size_t count, size_t i)
{
	return (!i || !same(&values[i], &values[i - 1])) &&
	       (i + 1 == count || !same(&values[i], &values[i + 1]));
}

/* ---- addresses ------------------------------------------------------------------------------- */

static bool address_taken(const struct config_service *s, const struct ek_addr *a)
{
	for (size_t i = 0; i < s->backend_count; i++)
		if (addr_equal(&s->backends[i].addr, a))
			return true;
	return false;
}

/* The address with the usual subnet, if but one byte of it was typed otherwise. */
static bool address_meant(const struct config_service *s, const struct ek_addr *typed,
			  const uint8_t *subnet, size_t bytes, struct ek_addr *meant)
{
	uint8_t address[16];
	size_t differ = 0;

	memcpy(address, typed, sizeof(address));
	for (size_t i = 0; i < bytes; i++)
		differ += address[i] != subnet[i];
	memcpy(address, subnet, bytes);
	memcpy(meant, address, sizeof(*meant));
	return differ == 1 && !address_taken(s, meant);
}

static void foreign(struct lint_report *r, const struct config_service *s,
		    const struct config_backend *b, const uint8_t *subnet, size_t bytes)
{
	char text[ADDR_TEXT_MAX], net[ADDR_TEXT_MAX], near[ADDR_TEXT_MAX];
	bool ipv4 = addr_is_ipv4(&b->addr);
	struct ek_addr prefix, meant;
	bool found = address_meant(s, &b->addr, subnet, bytes, &meant);

	memcpy(&prefix, subnet, sizeof(prefix));
	lint_add(r, LINT_FOREIGN_ADDRESS, b->addr_place, s, b,
		 "%s/%s: address %s is outside %s/%zu, where its peers are%s%s%s", s->name, b->name,
		 addr_text(&b->addr, text), addr_text(&prefix, net), 8 * bytes - (ipv4 ? 96 : 0),
		 found ? "; did you mean " : "", found ? addr_text(&meant, near) : "",
		 found ? "?" : "");
}

/* One family at one length of the prefix. True if most are in one subnet. */
static bool subnets(struct lint_report *r, const struct config_service *s, struct value *values,
		    bool ipv4, size_t bytes)
{
	const struct value *most;
	uint8_t subnet[16];
	size_t count = 0;

	for (size_t i = 0; i < s->backend_count; i++) {
		const struct config_backend *b = &s->backends[i];

		if (addr_is_ipv4(&b->addr) != ipv4)
			continue;
		values[count] = (struct value){ .backend = b };
		memcpy(values[count++].bytes, &b->addr, bytes);
	}
	most = usual(values, count);
	if (!most)
		return false;
	memcpy(subnet, most->bytes, sizeof(subnet));
	for (size_t i = 0; i < count; i++)
		if (is_alone(values, count, i))
			foreign(r, s, values[i].backend, subnet, bytes);
	return true;
}

static void addresses(struct lint_report *r, const struct config_service *s, struct value *values)
{
	/* /24, else /16; /64, else /48 */
	if (!subnets(r, s, values, true, 15))
		subnets(r, s, values, true, 14);
	if (!subnets(r, s, values, false, 8))
		subnets(r, s, values, false, 6);
}

/* ---- ports ----------------------------------------------------------------------------------- */

static void backend_ports(struct lint_report *r, const struct config_service *s,
			  struct value *values)
{
	const struct value *most;
	uint32_t port;

	for (size_t i = 0; i < s->backend_count; i++) {
		values[i] = (struct value){ .backend = &s->backends[i] };
		memcpy(values[i].bytes, &s->backends[i].port, sizeof(s->backends[i].port));
	}
	most = usual(values, s->backend_count);
	if (!most)
		return;
	port = most->backend->port;
	for (size_t i = 0; i < s->backend_count; i++) {
		const struct config_backend *b = values[i].backend;

		if (!is_alone(values, s->backend_count, i))
			continue;
		if (!port)
			lint_add(r, LINT_ODD_PORT, b->port_place, s, b,
				 "%s/%s: port %u, and its peers have none of their own", s->name,
				 b->name, b->port);
		else
			lint_add(r, LINT_ODD_PORT, b->port ? b->port_place : b->place, s, b,
				 "%s/%s: port %u is unlike its peers'; did you mean %u?", s->name,
				 b->name, b->port, port);
	}
}

/* 443 and 433, 8080 and 808: one digit replaced, exchanged with its neighbour, lost or added. */
static bool is_typed_port(uint16_t a, uint16_t b)
{
	char x[8], y[8];

	snprintf(x, sizeof(x), "%u", a);
	snprintf(y, sizeof(y), "%u", b);
	return strlen(x) >= 3 && suggest(x, &(const char *){ y }, 1) &&
	       (strlen(x) != strlen(y) || x[0] == y[0]);
}

static bool listens(const struct config_service *s, const struct ek_addr *a, uint16_t port,
		    uint8_t proto)
{
	for (size_t i = 0; i < s->listener_count; i++) {
		const struct endpoint *e = &s->listeners[i].endpoint;

		if (addr_equal(&e->addr, a) && e->port == port && e->proto == proto)
			return true;
	}
	return false;
}

/* The same service on another address has nearly the same port. */
static void listener_ports(struct lint_report *r, const struct config_service *s)
{
	for (size_t i = 1; i < s->listener_count; i++) {
		const struct endpoint *e = &s->listeners[i].endpoint;

		for (size_t k = 0; k < i; k++) {
			const struct endpoint *o = &s->listeners[k].endpoint;

			if (o->proto != e->proto || o->port == e->port ||
			    addr_equal(&o->addr, &e->addr) || !is_typed_port(e->port, o->port) ||
			    listens(s, &e->addr, o->port, o->proto) ||
			    listens(s, &o->addr, e->port, e->proto))
				continue;
			lint_add(r, LINT_ODD_PORT, s->listeners[i].place, s, NULL,
				 "service %s: port %u is unlike that of its other listener; did "
				 "you mean %u?",
				 s->name, e->port, o->port);
			break;
		}
	}
}

/* ---- weights --------------------------------------------------------------------------------- */

static int by_number(const void *a, const void *b)
{
	const uint32_t *l = a, *r = b;

	return *l < *r ? -1 : *l > *r;
}

/* Of the sorted ones without the one at `without`. */
static uint32_t median(const uint32_t *sorted, size_t count, size_t without)
{
	size_t low = (count - 2) / 2, high = (count - 1) / 2;

	low += low >= without;
	high += high >= without;
	return (sorted[low] + sorted[high]) / 2;
}

static void outlier(struct lint_report *r, const struct config_service *s,
		    const struct config_backend *b, uint32_t peers)
{
	uint32_t tenth = b->weight / 10;
	bool zero = b->weight % 10 == 0 && 2 * tenth >= peers && tenth <= 2 * peers;

	lint_add(r, LINT_WEIGHT_OUTLIER, b->weight_place, s, b,
		 "%s/%s: weight %u is %u times its peers'; did you mean %u?", s->name, b->name,
		 b->weight, b->weight / peers, zero ? tenth : peers);
}

static void weights(struct lint_report *r, const struct config_service *s)
{
	_cleanup_(free_ptr) uint32_t *sorted = calloc(s->backend_count + 1, sizeof(*sorted));
	const struct config_backend *only = NULL;
	size_t count = 0;

	if (!sorted) {
		r->out_of_memory = true;
		return;
	}
	for (size_t i = 0; i < s->backend_count; i++) {
		const struct config_backend *b = &s->backends[i];

		if (!config_backend_weight(b))
			continue;
		sorted[count++] = b->weight;
		only = b;
	}
	if (count == 1 && s->backend_count > 1)
		lint_add(r, LINT_ALL_ON_ONE, only->place, s, only,
			 "%s/%s gets all new flows: the other %zu are drained or have weight 0",
			 s->name, only->name, s->backend_count - 1);
	if (count < 2)
		return;
	qsort(sorted, count, sizeof(*sorted), by_number);
	for (size_t i = 0; i < s->backend_count; i++) {
		const struct config_backend *b = &s->backends[i];
		const uint32_t *at;
		uint32_t peers;

		if (b->weight < WEIGHT_TIMES * sorted[0] || !config_backend_weight(b))
			continue;
		at = bsearch(&b->weight, sorted, count, sizeof(*sorted), by_number);
		peers = median(sorted, count, (size_t)(at - sorted));
		if (b->weight >= WEIGHT_TIMES * peers)
			outlier(r, s, b, peers);
	}
}

void lint_pools(struct lint_report *r, const struct lint_input *in)
{
	for (size_t i = 0; i < in->config->service_count; i++) {
		const struct config_service *s = &in->config->services[i];
		_cleanup_(free_ptr) struct value *values = NULL;

		if (!lint_looks_at(in, s))
			continue;
		values = calloc(s->backend_count + 1, sizeof(*values));
		if (!values) {
			r->out_of_memory = true;
			return;
		}
		addresses(r, s, values);
		backend_ports(r, s, values);
		listener_ports(r, s);
		weights(r, s);
	}
}

/* ---- hosts ----------------------------------------------------------------------------------- */

struct host {
	const struct config_service *service;
	const struct config_backend *backend;
};

static int by_address(const void *a, const void *b)
{
	const struct host *l = a, *r = b;
	int order = memcmp(&l->backend->addr, &r->backend->addr, sizeof(struct ek_addr));

	/* Then as in the text. */
	if (!order)
		order = l->service < r->service ? -1 : l->service > r->service;
	return order ? order : l->backend < r->backend ? -1 : l->backend > r->backend;
}

/* One address in several services is one host, and has one name. */
void lint_hosts(struct lint_report *r, const struct config *c)
{
	_cleanup_(free_ptr) struct host *hosts = NULL;
	const struct host *first = NULL;
	size_t count = 0, most = 0;
	char text[ADDR_TEXT_MAX];

	for (size_t i = 0; i < c->service_count; i++)
		most += c->services[i].backend_count;
	hosts = calloc(most + 1, sizeof(*hosts));
	if (!hosts) {
		r->out_of_memory = true;
		return;
	}
	for (size_t i = 0; i < c->service_count; i++)
		for (size_t k = 0; k < c->services[i].backend_count; k++)
			hosts[count++] =
				(struct host){ &c->services[i], &c->services[i].backends[k] };
	qsort(hosts, count, sizeof(*hosts), by_address);
	for (size_t i = 0; i < count; i++) {
		const struct config_backend *b = hosts[i].backend;

		if (!first || !addr_equal(&first->backend->addr, &b->addr))
			first = &hosts[i];
		else if (strcmp(first->backend->name, b->name) != 0)
			lint_add(r, LINT_TWO_NAMES, b->place, hosts[i].service, b,
				 "%s/%s: address %s is that of %s/%s: one host has two names",
				 hosts[i].service->name, b->name, addr_text(&b->addr, text),
				 first->service->name, first->backend->name);
	}
}

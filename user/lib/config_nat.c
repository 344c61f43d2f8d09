// SPDX-License-Identifier: GPL-2.0
/* Checks of nat. An answer has nothing but its backend's address, port and protocol to tell whose
 * it is: no two listeners may send packets to the same. */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/config_internal.h"

/* Where a listener's packets go. */
struct target {
	struct endpoint to;
	const struct config_service *service;
	const struct config_listener *listener;
	const struct config_backend *backend;
};

/* What could not be read was reported, and is not compared. */
static bool is_read(const struct ek_addr *a)
{
	return a->words[0] || a->words[1];
}

static bool is_nat(const struct config_service *s)
{
	return s->forward == EK_FORWARD_NAT;
}

/* ---- families -------------------------------------------------------------------------------- */

static const char *family(const struct ek_addr *a)
{
	return addr_is_ipv4(a) ? "IPv4" : "IPv6";
}

static bool same_family(const struct ek_addr *a, const struct ek_addr *b)
{
	return addr_is_ipv4(a) == addr_is_ipv4(b) || !is_read(a) || !is_read(b);
}

static void check_families(const struct config_service *s, struct diag *d)
{
	const struct ek_addr *first = s->listener_count ? &s->listeners[0].endpoint.addr : NULL;

	for (size_t i = 1; i < s->listener_count; i++) {
		if (same_family(first, &s->listeners[i].endpoint.addr))
			continue;
		diag_error_at(d, s->listeners[i].place,
			      "service '%s' listens on IPv4 and IPv6, and nat cannot exchange one "
			      "for the other: make it two services",
			      s->name);
		return;
	}
	for (size_t i = 0; first && i < s->backend_count; i++) {
		const struct config_backend *b = &s->backends[i];
		char text[ADDR_TEXT_MAX];

		if (!same_family(first, &b->addr))
			diag_error_at(d, b->addr_place,
				      "%s/%s: nat cannot send what comes by %s to %s: give the "
				      "server's %s address",
				      s->name, b->name, family(first), addr_text(&b->addr, text),
				      family(first));
	}
}

/* ---- targets --------------------------------------------------------------------------------- */

static int by_target(const void *a, const void *b)
{
	const struct target *l = a, *r = b;
	int order = memcmp(&l->to.addr, &r->to.addr, sizeof(l->to.addr));

	order = order ? order : (int)l->to.port - (int)r->to.port;
	order = order ? order : (int)l->to.proto - (int)r->to.proto;
	/* Then as in the text, for the same report each time. */
	if (!order)
		order = l->service < r->service ? -1 : l->service > r->service;
	return order ? order : l->listener < r->listener ? -1 : l->listener > r->listener;
}

static bool same_target(const struct target *a, const struct target *b)
{
	return addr_equal(&a->to.addr, &b->to.addr) && a->to.port == b->to.port &&
	       a->to.proto == b->to.proto;
}

static void targets_add(struct target *targets, size_t *count, const struct config_service *s,
			const struct config_backend *b)
{
	for (size_t i = 0; is_read(&b->addr) && i < s->listener_count; i++) {
		const struct config_listener *l = &s->listeners[i];
		struct endpoint to = l->endpoint;

		if (!is_read(&to.addr) || !same_family(&to.addr, &b->addr))
			continue;
		to.addr = b->addr;
		if (b->port)
			to.port = (uint16_t)b->port;
		targets[(*count)++] = (struct target){ to, s, l, b };
	}
}

static struct place place_of(const struct config_backend *b)
{
	return b->port ? b->port_place : b->addr_place;
}

/* Two listeners of one service: every backend has this, and one report says it. */
static void report_listeners(const struct target *a, const struct target *b, struct diag *d)
{
	char first[ENDPOINT_TEXT_MAX], second[ENDPOINT_TEXT_MAX], to[ENDPOINT_TEXT_MAX];

	diag_error_at(d, place_of(a->backend),
		      "%s/%s: nat would send both %s and %s to %s, and could not tell the answers "
		      "apart: %s",
		      a->service->name, a->backend->name,
		      endpoint_text(&a->listener->endpoint, first),
		      endpoint_text(&b->listener->endpoint, second), endpoint_text(&a->to, to),
		      a->listener->endpoint.port != b->listener->endpoint.port
			      ? "leave the port away, so that each listener has its own at the "
				"backend, or make it two services with a port each"
			      : "make it two services with a backend port each");
}

static void report_services(const struct target *first, const struct target *t, struct diag *d)
{
	char to[ENDPOINT_TEXT_MAX], where[OTHER_PLACE_MAX];

	diag_error_at(
		d, place_of(t->backend),
		"%s/%s: nat sends packets of service '%s' to %s already%s, and could not tell "
		"the answers apart: give the backend another port",
		t->service->name, t->backend->name, first->service->name, endpoint_text(&t->to, to),
		config_other_place(place_of(first->backend), where));
}

static void check_targets(const struct target *targets, size_t count, struct diag *d)
{
	const struct config_service *reported = NULL;
	const struct target *first = NULL;

	for (size_t i = 0; i < count; i++) {
		const struct target *t = &targets[i];

		if (!first || !same_target(first, t)) {
			first = t;
		} else if (first->service != t->service) {
			report_services(first, t, d);
		} else if (first->backend == t->backend && reported != t->service) {
			report_listeners(first, t, d);
			reported = t->service;
		}
	}
}

void config_check_nat(const struct config *c, struct diag *d)
{
	_cleanup_(free_ptr) struct target *targets = NULL;
	size_t most = 0, count = 0;

	for (size_t i = 0; i < c->service_count; i++)
		if (is_nat(&c->services[i]))
			most += c->services[i].listener_count * c->services[i].backend_count;
	if (most > EK_RETURNS_MAX)
		diag_error(d, 0, 0,
			   "nat: %zu listeners' backends are more than the data path holds: %u",
			   most, EK_RETURNS_MAX);
	targets = calloc(most + 1, sizeof(*targets));
	if (!targets) {
		d->out_of_memory = true;
		return;
	}
	for (size_t i = 0; i < c->service_count; i++) {
		const struct config_service *s = &c->services[i];

		if (!is_nat(s))
			continue;
		check_families(s, d);
		for (size_t k = 0; k < s->backend_count; k++)
			targets_add(targets, &count, s, &s->backends[k]);
	}
	qsort(targets, count, sizeof(*targets), by_target);
	check_targets(targets, count, d);
}

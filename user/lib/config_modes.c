// SPDX-License-Identifier: GPL-2.0
/* Checks of what belongs to one forwarding mode or protocol only. */
#include <netinet/in.h>
#include <stdlib.h>

#include "lib/cleanup.h"
#include "lib/config_internal.h"

static void check_gue(const struct config_service *s, struct diag *d)
{
	if (s->gue_place.line && s->forward != EK_FORWARD_GUE)
		diag_error_at(d, s->gue_place,
			      "service '%s': gue has a meaning with 'forward: gue' only", s->name);
	if (s->gue_variant > 1)
		diag_error_at(d, s->gue_place, "service '%s': gue variant %u is neither 0 nor 1",
			      s->name, s->gue_variant);
}

static void check_port(const struct config_service *s, const struct config_backend *b,
		       struct diag *d)
{
	if (b->port && s->forward != EK_FORWARD_NAT)
		diag_error_at(d, b->port_place,
			      "%s/%s: port has a meaning with 'forward: nat' only: elsewhere "
			      "packets reach the backend with the port they came to",
			      s->name, b->name);
	if (b->port > UINT16_MAX)
		diag_error_at(d, b->port_place, "%s/%s: port %u is above 65535", s->name, b->name,
			      b->port);
}

/* ---- quic ------------------------------------------------------------------------------------ */

static bool listens_on_udp(const struct config_service *s)
{
	for (size_t i = 0; i < s->listener_count; i++)
		if (s->listeners[i].endpoint.proto == IPPROTO_UDP)
			return true;
	return false;
}

static void check_quic_id(const struct config_service *s, const struct config_backend *b,
			  struct diag *d)
{
	uint64_t limit = 1ull << 8 * s->quic_length;

	if (!s->quic_length) {
		if (b->has_quic_id)
			diag_error_at(d, b->quic_id_place,
				      "%s/%s: quic_id has a meaning in a service with quic only",
				      s->name, b->name);
	} else if (!b->has_quic_id) {
		diag_error_at(d, b->place,
			      "%s/%s has no quic_id: without it, its connections are not found "
			      "again when a client's address changes",
			      s->name, b->name);
	} else if (b->quic_id >= limit) {
		diag_error_at(d, b->quic_id_place, "%s/%s: quic_id %u does not fit %u bytes",
			      s->name, b->name, b->quic_id, s->quic_length);
	}
}

static int by_quic_id(const void *a, const void *b)
{
	const struct config_backend *l = *(void *const *)a, *r = *(void *const *)b;

	if (l->quic_id != r->quic_id)
		return l->quic_id < r->quic_id ? -1 : 1;
	return l < r ? -1 : l > r;
}

static void check_quic_ids_differ(const struct config_service *s, struct diag *d)
{
	_cleanup_(free_ptr) const struct config_backend **sorted =
		calloc(s->backend_count + 1, sizeof(void *));
	size_t count = 0;

	if (!sorted) {
		d->out_of_memory = true;
		return;
	}
	for (size_t i = 0; i < s->backend_count; i++)
		if (s->backends[i].has_quic_id)
			sorted[count++] = &s->backends[i];
	qsort(sorted, count, sizeof(void *), by_quic_id);
	for (size_t i = 1; i < count; i++)
		if (sorted[i]->quic_id == sorted[i - 1]->quic_id)
			diag_error_at(d, sorted[i]->quic_id_place,
				      "%s/%s: quic_id %u is that of '%s' already", s->name,
				      sorted[i]->name, sorted[i]->quic_id, sorted[i - 1]->name);
}

static void check_quic(const struct config_service *s, struct diag *d)
{
	if (s->quic_length > EK_QUIC_ID_LENGTH_MAX ||
	    (s->quic_length && s->quic_offset + s->quic_length > EK_QUIC_CID_MAX))
		diag_error_at(d, s->quic_place,
			      "service '%s': the server's number would end behind byte %u of a "
			      "connection ID",
			      s->name, EK_QUIC_CID_MAX);
	else if (s->quic_length && !listens_on_udp(s))
		diag_error_at(d, s->quic_place, "service '%s': quic needs a listener with udp",
			      s->name);
	else if (s->quic_length)
		check_quic_ids_differ(s, d);
}

/* ---- all ------------------------------------------------------------------------------------- */

void config_check_modes(const struct config_service *s, struct diag *d)
{
	check_gue(s, d);
	check_quic(s, d);
	for (size_t i = 0; i < s->backend_count; i++) {
		if (!s->backends[i].name[0])
			continue; /* it could not be read, or it has been reported */
		check_port(s, &s->backends[i], d);
		check_quic_id(s, &s->backends[i], d);
	}
}

static void check_prefix(const struct config_prefix *p, struct diag *d)
{
	const char *problem = p->set ? addr_unusable(&p->addr) : NULL;
	char text[ADDR_TEXT_MAX];

	if (problem)
		diag_error_at(d, p->place, "tunnel source %s/%u %s", addr_text(&p->addr, text),
			      p->bits, problem);
	else if (p->set && p->bits < 8)
		diag_error_at(d, p->place, "tunnel source %s/%u is wider than anyone's network",
			      addr_text(&p->addr, text), p->bits);
}

void config_check_tunnel_source(const struct config *c, struct diag *d)
{
	check_prefix(&c->tunnel_source4, d);
	check_prefix(&c->tunnel_source6, d);
}

/* SPDX-License-Identifier: GPL-2.0 */
#include "daemon/change_warn.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "daemon/attachment.h"
#include "daemon/health.h"
#include "daemon/nat.h"
#include "daemon/nexthop.h"
#include "dp/install.h"
#include "net/net.h"

#define SSH_PORT 22

/* ---- guards: what would take the host's own traffic ------------------------------------------ */

/* The service that has this listener now, or NULL. */
static const struct config_service *service_in_force(const struct daemon *d,
						     const struct endpoint *e)
{
	for (size_t i = 0; d->config && i < d->config->service_count; i++) {
		const struct config_service *s = &d->config->services[i];

		for (size_t k = 0; k < s->listener_count; k++) {
			const struct endpoint *other = &s->listeners[k].endpoint;

			if (addr_equal(&other->addr, &e->addr) && other->port == e->port &&
			    other->proto == e->proto)
				return s;
		}
	}
	return NULL;
}

static void listener_guard(const struct config_service *s, const struct config_listener *l,
			   struct diag *diag)
{
	const struct endpoint *e = &l->endpoint;
	char text[ENDPOINT_TEXT_MAX];
	int listens;

	endpoint_text(e, text);
	if (e->proto == IPPROTO_TCP && e->port == SSH_PORT && net_address_local(&e->addr, NULL)) {
		diag_error(diag, l->place.line, l->place.column,
			   "service %s: %s is SSH on an address of this host: it would be cut off; "
			   "use another address",
			   s->name, text);
		return;
	}
	listens = net_socket_listens(&e->addr, e->port, e->proto);
	if (listens > 0)
		diag_error(diag, l->place.line, l->place.column,
			   "service %s: a socket of this host listens on %s and would hear nothing "
			   "more; stop it (ss -lntup 'sport = %u' names it) or use another address",
			   s->name, text, e->port);
	else if (listens < 0)
		diag_warning(diag, l->place.line, l->place.column,
			     "service %s: whether this host listens on %s is not known: %s",
			     s->name, text, strerror(-listens));
}

/* A flow is remembered, and its slot known, within its service alone. */
static void move_warn(const struct config_service *from, const struct config_service *to,
		      const struct config_listener *l, struct diag *diag)
{
	char text[ENDPOINT_TEXT_MAX];

	if (!strcmp(from->name, to->name))
		return;
	diag_warning(diag, l->place.line, l->place.column,
		     "service %s: %s is moved here from service %s: its established flows break "
		     "where %s chooses another backend; to keep them, leave it in %s and change "
		     "that service's backends (evenkeel backend add, backend drain)",
		     to->name, endpoint_text(&l->endpoint, text), from->name, to->name, from->name);
}

/* The file alone would do, but what was drained by hand leaves nobody. */
static void drain_guard(const struct config_service *s, struct diag *diag)
{
	bool by_hand = false;

	for (size_t i = 0; i < s->backend_count; i++) {
		if (config_backend_weight(&s->backends[i]))
			return;
		by_hand |= s->backends[i].drain_by_hand;
	}
	if (by_hand)
		diag_error(diag, s->place.line, s->place.column,
			   "service %s: every backend that has a weight is drained by hand: "
			   "nobody would take new flows (evenkeel backend undrain)",
			   s->name);
}

/* Listeners in force are not asked about again: a drain at night must not fail because some
 * socket was opened since. */
void change_guard(const struct daemon *d, const struct config *c, struct diag *diag)
{
	for (size_t i = 0; i < c->service_count; i++) {
		const struct config_service *s = &c->services[i];

		drain_guard(s, diag);
		for (size_t k = 0; k < s->listener_count; k++) {
			const struct config_listener *l = &s->listeners[k];
			const struct config_service *now = service_in_force(d, &l->endpoint);

			if (now)
				move_warn(now, s, l, diag);
			else
				listener_guard(s, l, diag);
		}
	}
	for (size_t i = 0; i < c->interface_count; i++)
		if (!attachment_exists(d, c->interfaces[i]))
			diag_warning(
				diag, 0, 0,
				"interface %s is not attached: no traffic reaches a service by it "
				"(evenkeel attach %s)",
				c->interfaces[i], c->interfaces[i]);
}

/* ---- who gets nothing ----------------------------------------------------------------------- */

/* Once a service: its backends have the same gateway. True if it was said. */
static bool warn_of_nat(const struct daemon *d, const struct config_service *s,
			const struct config_backend *b, const struct hop *hop, struct diag *diag)
{
	char text[NAT_TEXT_MAX], remedy[NAT_TEXT_MAX];

	if (s->forward != EK_FORWARD_NAT || !hop || !nat_problem(text, remedy, d, &b->addr, hop))
		return false;
	diag_warning(diag, b->addr_place.line, b->addr_place.column, "backend %s/%s: %s (%s)",
		     s->name, b->name, text, remedy);
	return true;
}

/* A change is taken whoever is down: that nobody new goes there is what the checks are for. */
#define SICK_TOLD_MAX 8u
static void warn_of_sick(const struct daemon *d, const struct config_service *s,
			 const struct config_backend *b, uint32_t index, size_t *told,
			 struct diag *diag)
{
	struct health_view view;

	if (!health_view(d, index, &view) || view.state == HEALTH_UP)
		return;
	if ((*told)++ < SICK_TOLD_MAX)
		diag_warning(diag, b->addr_place.line, b->addr_place.column,
			     "backend %s/%s is %s, and gets %s: %s", s->name, b->name,
			     health_state_name(view.state),
			     view.in_table ? "new flows all the same" : "no new flows",
			     view.reason);
}

void change_warn(const struct daemon *d, const struct config *c, struct diag *diag)
{
	for (size_t i = 0; i < c->service_count; i++) {
		const struct config_service *s = &c->services[i];
		int service = dp_service_index(d->dp, s->name);
		bool nat_told = false;
		size_t sick = 0;

		for (size_t k = 0; service >= 0 && k < s->backend_count; k++) {
			const struct config_backend *b = &s->backends[k];
			uint32_t index =
				dp_backend_index(d->dp, (uint32_t)service, &b->addr, b->port);
			const struct hop *hop = nexthop_find(d, index);
			char reason[NEXTHOP_REASON_MAX];

			if (!config_backend_weight(b))
				continue;
			if (nexthop_problem(d, reason, s->forward, &b->addr, hop)) {
				diag_warning(diag, b->addr_place.line, b->addr_place.column,
					     "backend %s/%s cannot be reached: %s", s->name,
					     b->name, reason);
				continue;
			}
			warn_of_sick(d, s, b, index, &sick, diag);
			if (!nat_told)
				nat_told = warn_of_nat(d, s, b, hop, diag);
		}
		if (sick > SICK_TOLD_MAX)
			diag_warning(diag, s->place.line, s->place.column,
				     "service %s: %zu more backends are not up (evenkeel status)",
				     s->name, sick - SICK_TOLD_MAX);
	}
}

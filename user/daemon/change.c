/* SPDX-License-Identifier: GPL-2.0 */
#include "daemon/change.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "daemon/attachment.h"
#include "daemon/health.h"
#include "daemon/log.h"
#include "daemon/nat.h"
#include "daemon/nexthop.h"
#include "daemon/rehearse.h"
#include "dp/install.h"
#include "lib/cleanup.h"
#include "net/net.h"

#define SSH_PORT 22

/* How long a change waits for the kernel to find new backends' neighbours. An answer takes a
 * round trip; who has not answered by then is warned of. */
#define RESOLVE_MS 1000

/* And for the first results of their checks, without which they get no flows: who is healthy
 * answers at once, who is not is waited for no longer than this. */
#define FIRST_RESULTS_MS 2000

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

/* Listeners in force are not asked about again: a drain at night must not fail because some
 * socket was opened since. */
static void guard(const struct daemon *d, const struct config *c, struct diag *diag)
{
	for (size_t i = 0; i < c->service_count; i++) {
		const struct config_service *s = &c->services[i];

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

/* ---- the data path --------------------------------------------------------------------------- */

/* Paths first, then tables: no packet is sent to a backend whose next hop could be known. */
static int install(struct daemon *d, const struct config *c, struct dp_install_result *result,
		   char error[static DP_ERROR_MAX])
{
	int err = dp_reserve(d->dp, c, clock_now_s(), error);

	if (err)
		return err;
	nexthops_sync(d);
	nexthops_wait(d, RESOLVE_MS);
	health_sync(d, c);
	health_wait(d, FIRST_RESULTS_MS);
	err = rehearse_candidate(d, c, error);
	err = err ?: health_install(d, c, result, error);
	nexthops_sync(d); /* a forwarding mode may have changed */
	return err ?: rehearse_in_force(d, c, error);
}

/* After a failure: what is in force again, should the failed one have left a trace. */
static void reinstall(struct daemon *d, struct reply *reply)
{
	char error[DP_ERROR_MAX] = "";
	struct dp_install_result result;

	if (!d->config)
		return;
	health_sync(d, d->config);
	if (health_install(d, d->config, &result, error) == 0)
		return;
	snprintf(d->trouble, sizeof(d->trouble), "revision %lld could not be put back: %s",
		 (long long)d->revision.number, error);
	log_line(LOG_ERR, "%s", d->trouble);
	reply_message(reply, "%s", d->trouble);
}

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

static void warn_of_silent(const struct daemon *d, const struct config *c, struct diag *diag)
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

/* ---- the journal ----------------------------------------------------------------------------- */

static void check_places_clear(struct config_check *k)
{
	k->place = k->timeout_place = k->down_interval_place = k->via_place = (struct place){};
}

/* Places belong to the text that was read: what a command changes later has none. */
static void places_clear(struct config *c)
{
	for (size_t i = 0; i < c->service_count; i++) {
		struct config_service *s = &c->services[i];

		s->place = s->gue_place = s->quic_place = (struct place){};
		for (size_t k = 0; k < s->check_count; k++)
			check_places_clear(&s->checks[k]);
		for (size_t k = 0; k < s->listener_count; k++)
			s->listeners[k].place = (struct place){};
		for (size_t k = 0; k < s->backend_count; k++) {
			struct config_backend *b = &s->backends[k];

			b->place = b->addr_place = b->weight_place = (struct place){};
			b->port_place = b->quic_id_place = (struct place){};
		}
	}
}

static void adopt(struct daemon *d, struct config *c, struct journal_revision *revision)
{
	config_free(d->config);
	d->config = c;
	journal_revision_release(&d->revision);
	d->revision = *revision;
	d->trouble[0] = '\0';
}

static void abandon(struct daemon *d, int64_t number, const char *why, struct reply *reply)
{
	reinstall(d, reply);
	if (journal_fail(d->journal, number, why, clock_wall_s()))
		log_warning("revision %lld is not marked as failed: %s", (long long)number,
			    journal_error(d->journal));
	reply_refuse(reply, "nothing changed (revision %lld stays): %s",
		     (long long)d->revision.number, why);
}

/* The revision just committed, as the journal has it. Should it not be readable, what is known
 * of it must do: it is in force. */
static struct journal_revision revision_committed(struct daemon *d, int64_t number, char **text)
{
	struct journal_revision r = {};

	if (journal_in_force(d->journal, &r) == 0)
		return r;
	log_warning("revision %lld cannot be read back: %s", (long long)number,
		    journal_error(d->journal));
	r = (struct journal_revision){ .number = number, .state = JOURNAL_IN_FORCE };
	r.time = clock_wall_s();
	r.text = take_ptr(*text);
	return r;
}

/* Revision number `number` is in the journal as being applied: do it, and decide it. */
static bool decide(struct daemon *d, struct config *c, char **text, int64_t number,
		   struct reply *reply)
{
	struct journal_revision revision;
	struct dp_install_result done = {};
	char error[DP_ERROR_MAX] = "";
	int err = install(d, c, &done, error);

	if (err) {
		abandon(d, number, error[0] ? error : strerror(-err), reply);
		return false;
	}
	err = journal_commit(d->journal, number, clock_wall_s());
	if (err) {
		snprintf(error, sizeof(error), "the journal cannot record it: %.400s",
			 journal_error(d->journal));
		abandon(d, number, error, reply);
		return false;
	}
	revision = revision_committed(d, number, text);
	adopt(d, c, &revision);
	log_notice("revision %lld is in force: %u services added, %u removed, %u changed, %u slots "
		   "moved",
		   (long long)number, done.services_added, done.services_removed,
		   done.services_switched, done.slots_moved);
	if (done.services_rebuilt)
		reply_message(reply,
			      "%u services have a table of another size or hash now: all of their "
			      "slots are unsettled until their older flows have ended or been idle "
			      "(evenkeel status)",
			      done.services_rebuilt);
	return true;
}

static void reply_changed(struct reply *reply, const struct daemon *d, bool changed,
			  struct diag *diag)
{
	json_t *warnings = json_array();

	diag_sort(diag);
	for (size_t i = 0; i < diag->count; i++) {
		_cleanup_(free_ptr) char *line = diag_line(diag, i);

		json_array_append_new(warnings, json_string(line ? line : "out of memory"));
	}
	reply_diagnostics(reply, diag);
	reply->result = json_pack("{s:I, s:b, s:o}", "revision", (json_int_t)d->revision.number,
				  "changed", changed, "warnings", warnings);
}

static bool begin(struct request *r, const char *text, int64_t *number, struct reply *reply)
{
	struct daemon *d = r->daemon;

	if (journal_begin(d->journal, text, &r->actor, clock_wall_s(), number)) {
		reply_refuse(reply, "nothing changed: the journal cannot be written: %s",
			     journal_error(d->journal));
		return false;
	}
	return true;
}

void change_run(struct request *r, struct config *candidate, struct diag *diag, struct reply *reply)
{
	_cleanup_(config_release) struct config *c = candidate;
	struct daemon *d = r->daemon;
	_cleanup_(free_ptr) char *text = config_text(c);
	int64_t number = 0;

	if (!text) {
		reply_refuse(reply, "out of memory");
		return;
	}
	guard(d, c, diag);
	if (diag_failed(diag)) {
		reply_diagnostics(reply, diag);
		reply_message(reply, "nothing changed (revision %lld stays)",
			      (long long)d->revision.number);
		return;
	}
	if (d->revision.text && !d->trouble[0] && strcmp(text, d->revision.text) == 0) {
		reply_changed(reply, d, false, diag);
		return;
	}
	if (!begin(r, text, &number, reply) || !decide(d, c, &text, number, reply))
		return;
	c = NULL; /* decide() has put it into force */
	warn_of_silent(d, d->config, diag);
	places_clear(d->config);
	reply_changed(reply, d, true, diag);
}

/* ---- at start -------------------------------------------------------------------------------- */

static int restore(struct daemon *d)
{
	_cleanup_(diag_release) struct diag diag = { .file = "journal" };
	struct dp_install_result result;
	char error[DP_ERROR_MAX] = "";
	int err = journal_in_force(d->journal, &d->revision);

	if (err == -ENOENT && daemon_has_services(d)) {
		snprintf(
			d->trouble, sizeof(d->trouble),
			"the journal in %s has no revision, but the pinned maps hold services: they "
			"are left forwarding; apply a configuration to take them over",
			d->options.state);
		return -ENOENT;
	}
	if (err == -ENOENT) {
		d->config = calloc(1, sizeof(*d->config));
		if (!d->config)
			snprintf(d->trouble, sizeof(d->trouble), "out of memory");
		return d->config ? 0 : -ENOMEM;
	}
	if (err) {
		snprintf(d->trouble, sizeof(d->trouble), "the journal cannot be read: %.500s",
			 journal_error(d->journal));
		return err;
	}
	err = config_parse(&d->config, d->revision.text, strlen(d->revision.text), &diag);
	if (err) {
		snprintf(
			d->trouble, sizeof(d->trouble),
			"revision %lld of the journal is not a configuration to this version: %.400s",
			(long long)d->revision.number,
			diag.count ? diag.entries[0].text : strerror(-err));
		return err;
	}
	places_clear(d->config);
	err = install(d, d->config, &result, error);
	if (err)
		snprintf(d->trouble, sizeof(d->trouble),
			 "revision %lld cannot be installed: %.500s", (long long)d->revision.number,
			 error);
	else if (result.slots_moved || result.services_added || result.services_removed)
		log_notice(
			"revision %lld was restored: %u services added, %u removed, %u slots moved",
			(long long)d->revision.number, result.services_added,
			result.services_removed, result.slots_moved);
	return err;
}

void change_restore(struct daemon *d)
{
	nexthops_sync(d); /* also when there is nothing to restore: what is pinned forwards */
	d->settling = true;
	if (restore(d))
		log_line(LOG_ERR, "%s", d->trouble);
}

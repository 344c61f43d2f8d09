/* SPDX-License-Identifier: GPL-2.0 */
#include "daemon/facts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "daemon/drains.h"
#include "daemon/health.h"
#include "daemon/nexthop.h"
#include "daemon/rebalances.h"
#include "daemon/sample.h"
#include "daemon/sampling.h"
#include "daemon/skew_report.h"
#include "dp/install.h"
#include "dp/lost.h"
#include "lib/addr.h"

/* ---- findings ------------------------------------------------------------------------------- */

static const char *level_name(enum finding_level level)
{
	switch (level) {
	case FINDING_OK:
		return "ok";
	case FINDING_WARNING:
		return "warning";
	case FINDING_ERROR:
		return "error";
	}
	return "error";
}

json_t *findings_json(const struct findings *f)
{
	json_t *list = json_array();

	for (size_t i = 0; i < f->count; i++) {
		const struct finding *e = &f->entries[i];

		json_array_append_new(list,
				      json_pack("{s:s, s:s, s:o, s:o, s:o}", "level",
						level_name(e->level), "check", e->check, "subject",
						json_clean(e->subject), "text", json_clean(e->text),
						"remedy", json_text(e->remedy)));
	}
	return list;
}

void findings_say(const struct findings *f, struct reply *reply)
{
	for (size_t i = 0; i < f->count; i++) {
		const struct finding *e = &f->entries[i];

		if (e->level == FINDING_OK)
			continue;
		reply_message(reply, "%s: %s: %s%s%s", e->subject, level_name(e->level), e->text,
			      e->remedy[0] ? "; to mend it: " : "", e->remedy);
	}
	if (f->out_of_memory)
		reply_refuse(reply, "out of memory");
	if (findings_failed(f))
		reply->exit = 1;
}

/* ---- next hops ------------------------------------------------------------------------------- */

json_t *hop_json(const struct hop *hop)
{
	char gateway[ADDR_TEXT_MAX], source[ADDR_TEXT_MAX], mac[18];
	const uint8_t *m;

	if (!hop || hop->state != HOP_READY)
		return json_pack("{s:s, s:n, s:n, s:n, s:n, s:n, s:n, s:n}", "state",
				 hop_state_name(hop ? hop->state : HOP_UNKNOWN), "interface",
				 "egress", "vlan", "mac", "gateway", "mtu", "source");
	m = hop->dest_mac;
	snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4],
		 m[5]);
	return json_pack("{s:s, s:o, s:o, s:o, s:s, s:o, s:I, s:s}", "state",
			 hop_state_name(hop->state), "interface", json_clean(hop->interface),
			 "egress", json_clean(hop->egress_interface), "vlan",
			 hop->tag_type ? json_integer(hop->tag) : json_null(), "mac", mac,
			 "gateway",
			 hop->direct ? json_null() : json_string(addr_text(&hop->gateway, gateway)),
			 "mtu", (json_int_t)hop->mtu, "source", addr_text(&hop->source, source));
}

/* ---- losses ---------------------------------------------------------------------------------- */

json_t *lost_json(const struct daemon *d)
{
	const struct dp_lost_egress *egresses;
	size_t count = 0;
	json_t *list;

	/* A child without the maps' descriptors has what was read last, within a second. */
	if (!d->lost || (dp_lost_refresh(d->lost) && !d->lost_read))
		return json_null();
	egresses = dp_lost_list(d->lost, &count);
	list = json_array();
	for (size_t i = 0; i < count; i++) {
		const struct dp_lost_egress *e = &egresses[i];
		char name[IF_NAMESIZE];

		json_array_append_new(
			list,
			json_pack("{s:o, s:I, s:I, s:I}", "name",
				  if_indextoname(e->ifindex, name) ? json_clean(name) : json_null(),
				  "ifindex", (json_int_t)e->ifindex, "refused",
				  (json_int_t)e->refused, "unsent", (json_int_t)e->unsent));
	}
	return list;
}

/* ---- services -------------------------------------------------------------------------------- */

const struct config_service *service_config(const struct daemon *d, uint32_t service)
{
	return d->config ? config_service(d->config, d->dp->service_ids[service].name) : NULL;
}

const struct config_backend *backend_config_next(const struct config_service *s, size_t *at,
						 const struct ek_backend_id *id)
{
	for (size_t k = 0; s && k < s->backend_count; k++) {
		size_t i = (*at + k) % s->backend_count;

		if (s->backends[i].port != id->port || !addr_equal(&s->backends[i].addr, &id->addr))
			continue;
		*at = i + 1;
		return &s->backends[i];
	}
	return NULL;
}

const struct config_backend *backend_config(const struct daemon *d, uint32_t backend)
{
	const struct ek_backend_id *id = &d->dp->backend_ids[backend];
	size_t at = 0;

	return backend_config_next(service_config(d, id->service), &at, id);
}

/* What the backends of each service add up to. */
static void tally_sum(struct tally *t, const struct daemon *d)
{
	for (uint32_t i = 1; i < d->dp->sizes.backends; i++) {
		const struct ek_backend_id *id = &d->dp->backend_ids[i];
		struct service_tally *sum;
		uint64_t packets, flows;

		if (!id->used || id->service >= EK_SERVICES_MAX)
			continue;
		samples_window(d->samples, i, &packets, &flows);
		sum = &t->services[id->service];
		sum->packets += packets;
		sum->flows += flows;
		sum->remembered += t->remembered[i];
	}
}

#define SERVICE_ENDS (EK_SERVICES_MAX + 2)

static void tally_order(struct tally *t, const struct dp *dp)
{
	for (uint32_t i = 1; i < dp->sizes.backends; i++) {
		const struct ek_backend_id *id = &dp->backend_ids[i];

		if (id->used && id->service < EK_SERVICES_MAX)
			t->first[id->service + 2]++;
	}
	for (uint32_t s = 2; s < SERVICE_ENDS; s++)
		t->first[s] += t->first[s - 1];
	/* Each service's begin, one place too far, becomes its end: the begin of the next. */
	for (uint32_t i = 1; i < dp->sizes.backends; i++) {
		const struct ek_backend_id *id = &dp->backend_ids[i];

		if (id->used && id->service < EK_SERVICES_MAX)
			t->order[t->first[id->service + 1]++] = i;
	}
}

int tally_take(struct tally *t, const struct daemon *d)
{
	const struct dp *dp = d->dp;

	*t = (struct tally){
		.owned = calloc(dp->sizes.backends, sizeof(*t->owned)),
		.held = calloc(dp->sizes.backends, sizeof(*t->held)),
		.remembered = calloc(dp->sizes.backends, sizeof(*t->remembered)),
		.services = calloc(EK_SERVICES_MAX, sizeof(*t->services)),
		.pools = calloc(EK_SERVICES_MAX, sizeof(*t->pools)),
		.order = calloc(dp->sizes.backends, sizeof(*t->order)),
		.first = calloc(SERVICE_ENDS, sizeof(*t->first)),
	};
	if (!t->owned || !t->held || !t->remembered || !t->services || !t->pools || !t->order ||
	    !t->first)
		return -ENOMEM;
	health_pools_view(d, t->pools);
	tally_order(t, dp);
	for (uint32_t i = 0; i < EK_SERVICES_MAX; i++)
		if (dp->service_ids[i].name[0])
			t->services[i].slots =
				dp_slots_count(dp, i, t->owned, t->held, &t->services[i].unsettled);
	dp_flows_count(dp, t->remembered);
	tally_sum(t, d);
	return 0;
}

void tally_release(struct tally *t)
{
	free(t->owned);
	free(t->held);
	free(t->remembered);
	free(t->services);
	free(t->pools);
	free(t->order);
	free(t->first);
}

static json_t *share(uint64_t part, uint64_t whole)
{
	return whole ? json_real((double)part / (double)whole) : json_null();
}

/* Until the drain time of a leaving backend is over. */
static uint32_t seconds_left(const struct daemon *d, uint32_t i)
{
	const struct ek_backend_id *id = &d->dp->backend_ids[i];
	const struct config_service *s = service_config(d, id->service);
	uint32_t now = clock_now_s(), passed = now > id->since ? now - id->since : 0;

	return s && passed < s->drain_s ? s->drain_s - passed : 0;
}

/* Are flows known to be left? Connections that name their server are seen by their packets
 * alone. */
static bool is_busy(const struct daemon *d, uint32_t i, const struct tally *t)
{
	uint64_t packets = 0, flows = 0;

	if (d->dp->services[d->dp->backend_ids[i].service].quic)
		samples_window(d->samples, i, &packets, &flows);
	return t->owned[i] || t->held[i] || t->remembered[i] || packets;
}

static void drain_reason(const struct daemon *d, uint32_t service, const struct config_backend *b,
			 char reason[static NEXTHOP_REASON_MAX])
{
	const struct journal_drain *drain = drains_find(d, d->dp->service_ids[service].name, b);
	char when[32] = "";
	struct tm tm;

	if (b->retained) {
		snprintf(reason, NEXTHOP_REASON_MAX,
			 "removed by a change that is not known to be good yet");
		return;
	}
	if (!drain) {
		snprintf(reason, NEXTHOP_REASON_MAX, "drained by configuration");
		return;
	}
	if (localtime_r(&drain->time, &tm))
		strftime(when, sizeof(when), "%F %T", &tm);
	snprintf(reason, NEXTHOP_REASON_MAX, "drained by %s since %s, by hand", drain->actor.user,
		 when);
}

const char *backend_state(const struct daemon *d, uint32_t i, const struct config_backend *b,
			  const struct tally *t, char reason[static NEXTHOP_REASON_MAX])
{
	const struct ek_backend_id *id = &d->dp->backend_ids[i];
	struct health_view health = { .state = HEALTH_UP };

	if (!(dp_path(d->dp, i)->flags & EK_PATH_NEXT_HOP) &&
	    !nexthop_problem(d, reason, d->dp->service_ids[id->service].forward, &id->addr,
			     nexthop_find(d, i)))
		snprintf(reason, NEXTHOP_REASON_MAX, "its path is not set");
	if (id->used == BACKEND_LEAVING) {
		if (!reason[0])
			snprintf(reason, NEXTHOP_REASON_MAX,
				 "removed; %llu flows remembered and %u slots held%s, waits for "
				 "them %u s at most",
				 (unsigned long long)t->remembered[i], t->held[i],
				 dp_quic_leaving(d->dp, i) ? ", its QUIC number known" : "",
				 seconds_left(d, i));
		return "leaving";
	}
	if (health_view(d, i, &health) && health.state == HEALTH_DOWN) {
		snprintf(reason, NEXTHOP_REASON_MAX, "%.250s", health.reason);
		return "down";
	}
	if (b && (b->drain || b->drain_by_hand)) {
		if (!reason[0])
			drain_reason(d, id->service, b, reason);
		return is_busy(d, i, t) ? "draining" : "drained";
	}
	if (health.state == HEALTH_UNKNOWN)
		snprintf(reason, NEXTHOP_REASON_MAX, "%.250s", health.reason);
	if (health.state == HEALTH_UNKNOWN)
		return "unknown";
	if (reason[0])
		return "no_next_hop";
	if (health.start)
		snprintf(reason, NEXTHOP_REASON_MAX,
			 "starts slowly: %u %% of its weight, all of it in %u s", health.start,
			 health.start_left_s);
	else if (health.spare && !health.in_table)
		snprintf(reason, NEXTHOP_REASON_MAX,
			 "a spare: gets new flows when too few of the others are up");
	return "up";
}

static json_t *start_json(const struct daemon *d, uint32_t i)
{
	struct health_view view = {};

	if (!health_view(d, i, &view) || !view.start)
		return json_null();
	return json_pack("{s:i, s:i}", "percent", (int)view.start, "left_s",
			 (int)view.start_left_s);
}

const char *capacity_text(const struct ek_capacity *c, char out[static CAPACITY_TEXT_MAX])
{
	uint32_t rate = ek_capacity_flows(c, clock_now_s());
	char flows[32] = "", packets[32] = "";

	if (rate)
		snprintf(flows, sizeof(flows), "%u new flows", rate);
	if (c->packets)
		snprintf(packets, sizeof(packets), "%u packets of UDP", c->packets);
	snprintf(out, CAPACITY_TEXT_MAX, "%s%s%s a second", flows,
		 *flows && *packets ? " and " : "", packets);
	return out;
}

/* As the data path has it. */
static json_t *capacity_json(const struct ek_capacity *c)
{
	uint32_t flows = ek_capacity_flows(c, clock_now_s());

	return json_pack("{s:o, s:o}", "new_flows", flows ? json_integer(flows) : json_null(),
			 "udp_packets", c->packets ? json_integer(c->packets) : json_null());
}

/* What was seen of SYNs within the last seconds; null: nothing. */
static json_t *handshakes_json(const struct daemon *d, uint32_t backend)
{
	struct handshakes h;
	bool suspect = sampling_handshakes(d, backend, &h);

	if (!(h.followed + h.alone > 0))
		return json_null();
	return json_pack("{s:f, s:f, s:b}", "followed", h.followed, "alone", h.alone, "suspect",
			 suspect);
}

static json_t *backend_json(const struct daemon *d, uint32_t i, const struct config_backend *b,
			    const struct tally *t)
{
	const struct ek_backend_id *id = &d->dp->backend_ids[i];
	const struct service_tally *all = &t->services[id->service];
	char addr[ADDR_TEXT_MAX], reason[NEXTHOP_REASON_MAX] = "";
	const char *state = backend_state(d, i, b, t, reason);
	struct dp_traffic traffic;
	uint64_t packets, flows;
	json_t *j;

	dp_traffic(d->dp, i, &traffic);
	samples_window(d->samples, i, &packets, &flows);
	j = json_pack("{s:s, s:s, s:i, s:o, s:s, s:o}", "name", id->name, "address",
		      addr_text(&id->addr, addr), "index", (int)i, "weight",
		      b ? json_integer(b->weight) : json_null(), "state", state, "reason",
		      json_text(reason));
	json_put(j, "factor", json_real(rebalances_factor(d, i)));
	json_put(j, "advised_factor", rebalances_advice_json(d, i));
	json_put(j, "load", rebalances_load_json(d, i));
	json_put(j, "drain", b ? json_boolean(b->drain || b->drain_by_hand) : json_null());
	json_put(j, "backup", b ? json_boolean(b->backup) : json_null());
	json_put(j, "start", start_json(d, i));
	json_put(j, "expected_share", share(t->owned[i], all->slots));
	json_put(j, "actual_share_packets", share(packets, all->packets));
	json_put(j, "actual_share_flows", share(flows, all->flows));
	json_put(j, "shares_60s", skew_shares_json(d, i));
	json_put(j, "slots", json_integer(t->owned[i]));
	json_put(j, "held_slots", json_integer(t->held[i]));
	json_put(j, "flows_remembered", json_integer((json_int_t)t->remembered[i]));
	json_put(j, "seconds_left",
		 id->used == BACKEND_LEAVING ? json_integer(seconds_left(d, i)) : json_null());
	json_put(j, "packets", json_integer((json_int_t)traffic.packets));
	json_put(j, "bytes", json_integer((json_int_t)traffic.bytes));
	json_put(j, "flows", json_integer((json_int_t)traffic.flows));
	json_put(j, "capacity", capacity_json(&d->dp->capacities[i]));
	json_put(j, "shed", json_integer((json_int_t)traffic.shed));
	json_put(j, "handshakes", handshakes_json(d, i));
	json_put(j, "drained_by_hand",
		 drain_json(b ? drains_find(d, d->dp->service_ids[id->service].name, b) : NULL));
	json_put(j, "health", health_backend_json(d, i));
	json_put(j, "next_hop", hop_json(nexthop_find(d, i)));
	return j;
}

static json_t *listeners_json(const struct config_service *s)
{
	json_t *list = json_array();

	for (size_t i = 0; s && i < s->listener_count; i++) {
		char text[ENDPOINT_TEXT_MAX];

		json_array_append_new(list,
				      json_string(endpoint_text(&s->listeners[i].endpoint, text)));
	}
	return list;
}

json_t *service_json(const struct daemon *d, uint32_t service, const struct tally *t)
{
	const struct ek_service_id *id = &d->dp->service_ids[service];
	const struct config_service *s = service_config(d, service);
	const struct service_tally *all = &t->services[service];
	json_t *backends = json_array(), *j;
	size_t at = 0;

	for (uint32_t k = t->first[service]; k < t->first[service + 1]; k++) {
		uint32_t i = t->order[k];
		const struct ek_backend_id *b = &d->dp->backend_ids[i];

		json_array_append_new(backends,
				      backend_json(d, i, backend_config_next(s, &at, b), t));
	}
	j = json_pack("{s:s, s:i, s:s, s:s, s:o}", "name", id->name, "index", (int)service,
		      "forward", config_forward_name((enum ek_forward)id->forward), "hash",
		      config_hash_name(dp_service_hash(d->dp, service)), "listeners",
		      listeners_json(s));
	json_put(j, "slots", json_integer(all->slots));
	json_put(j, "unsettled", json_integer(all->unsettled));
	json_put(j, "flows_remembered", json_integer((json_int_t)all->remembered));
	json_put(j, "idle_s", s ? json_integer(s->idle_s) : json_null());
	json_put(j, "drain_s", s ? json_integer(s->drain_s) : json_null());
	json_put(j, "health", health_service_json(&t->pools[service]));
	json_put(j, "skew", skew_json(d, service));
	json_put(j, "rebalance", rebalances_json(d, service));
	json_put(j, "backends", backends);
	return j;
}

json_t *services_named_json(const struct daemon *d, const char *name)
{
	__attribute__((cleanup(tally_release))) struct tally t = {};
	int service = dp_service_index(d->dp, name);
	json_t *list = json_array();

	if (service >= 0 && !tally_take(&t, d))
		json_array_append_new(list, service_json(d, (uint32_t)service, &t));
	return list;
}

json_t *services_json(const struct daemon *d)
{
	__attribute__((cleanup(tally_release))) struct tally t = {};
	json_t *list = json_array();

	if (tally_take(&t, d))
		return list;
	for (size_t i = 0; d->config && i < d->config->service_count; i++) {
		int service = dp_service_index(d->dp, d->config->services[i].name);

		if (service >= 0)
			json_array_append_new(list, service_json(d, (uint32_t)service, &t));
	}
	for (uint32_t i = 0; i < EK_SERVICES_MAX; i++)
		if (d->dp->service_ids[i].name[0] && !service_config(d, i))
			json_array_append_new(list, service_json(d, i, &t));
	return list;
}

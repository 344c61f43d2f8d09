/* SPDX-License-Identifier: GPL-2.0 */
/* explain: what the data path does with a flow, and why. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/attachment.h"
#include "daemon/facts.h"
#include "daemon/nexthop.h"
#include "daemon/request.h"
#include "dp/install.h"
#include "evenkeel/affinity.h"
#include "evenkeel/hash.h"
#include "lib/addr.h"

#define ETHERNET 14

/* The outer addresses, from the very header that the data path copies. */
static json_t *outer_json(const struct ek_path *path, uint64_t hash)
{
	const uint8_t *ip = path->header + ETHERNET;
	char source[ADDR_TEXT_MAX], dest[ADDR_TEXT_MAX];
	struct ek_addr s = { .bytes = { [10] = 0xff, [11] = 0xff } }, t = s;
	uint8_t encap = path->encap & EK_ENCAP_KIND;
	bool gue = encap == EK_ENCAP_GUE_IPV4 || encap == EK_ENCAP_GUE_IPV6;
	json_t *outer;

	if (encap == EK_ENCAP_IPV4 || encap == EK_ENCAP_GUE_IPV4) {
		memcpy(s.bytes + 12, ip + 12, 4);
		memcpy(t.bytes + 12, ip + 16, 4);
		s.be16[7] |= ek_source_bits(hash, ek_path_mask(path, EK_PATH_MASK_IPV4));
	} else if (encap == EK_ENCAP_IPV6 || encap == EK_ENCAP_GUE_IPV6) {
		memcpy(s.bytes, ip + 8, 16);
		memcpy(t.bytes, ip + 24, 16);
		s.be16[7] |= ek_source_bits(hash, ek_path_mask(path, EK_PATH_MASK_IPV6));
	} else {
		return json_null();
	}
	outer = json_pack("{s:s, s:s}", "source", addr_text(&s, source), "destination",
			  addr_text(&t, dest));
	if (gue)
		json_put(outer, "source_port", json_integer(ek_gue_source_port(hash)));
	return outer;
}

/* The port that nat sends to; others leave the packet's. */
static json_t *port_json(const struct daemon *d, const struct ek_backend_id *id, uint16_t listener)
{
	if (d->dp->service_ids[id->service].forward != EK_FORWARD_NAT)
		return json_null();
	return json_integer(id->port ?: listener);
}

static json_t *answer_json(const struct daemon *d, uint32_t backend, uint64_t hash,
			   uint16_t listener)
{
	const struct ek_backend_id *id = &d->dp->backend_ids[backend];
	const struct ek_path *path;
	char addr[ADDR_TEXT_MAX];

	if (!backend)
		return json_pack("{s:n, s:n, s:n, s:n, s:n, s:n, s:n}", "backend", "address",
				 "port", "index", "next_hop", "forward", "outer");
	path = dp_path(d->dp, backend);
	return json_pack(
		"{s:s, s:s, s:o, s:i, s:o, s:s, s:o}", "backend", id->name, "address",
		addr_text(&id->addr, addr), "port", port_json(d, id, listener), "index",
		(int)backend, "next_hop", hop_json(nexthop_find(d, backend)), "forward",
		config_forward_name((enum ek_forward)d->dp->service_ids[id->service].forward),
		"outer", path->flags & EK_PATH_NEXT_HOP ? outer_json(path, hash) : json_null());
}

static const char *name_of(const struct daemon *d, uint32_t backend)
{
	return backend ? d->dp->backend_ids[backend].name : "nobody";
}

static json_t *why_unsettled(const struct daemon *d, const struct dp_explanation *x, uint32_t slots)
{
	uint32_t cur = x->cur, def = x->def;

	if (x->remembered && ek_flow_phase(x->remembered) == EK_PHASE_CONFIRMED)
		return json_sprintf("slot %u of %u is unsettled after a change, and the flow is "
				    "remembered: it stays on %s",
				    x->slot, slots, name_of(d, x->known_backend));
	if (x->remembered)
		return json_sprintf(
			"slot %u of %u is unsettled after a change; a SYN of the flow was "
			"seen and sent to %s, the packet that confirms it not yet",
			x->slot, slots, name_of(d, ek_flow_backend(x->remembered)));
	return json_sprintf(
		"slot %u of %u is unsettled after a change: its new flows go to %s, which "
		"owns it now, and are remembered; its older ones stay on %s",
		x->slot, slots, name_of(d, cur), name_of(d, def));
}

static json_t *why(const struct daemon *d, const struct dp_explanation *x, uint32_t slots)
{
	char reason[NEXTHOP_REASON_MAX];
	const struct ek_backend_id *id = &d->dp->backend_ids[x->new_backend];
	bool settled = !(x->slot_word & EK_SLOT_UNSETTLED);

	if (!x->new_backend)
		return json_sprintf(
			"slot %u of %u has no owner: no backend of the pool has a weight; "
			"the packet is dropped as no_backend",
			x->slot, slots);
	if (!(dp_path(d->dp, x->new_backend)->flags & EK_PATH_NEXT_HOP)) {
		if (!nexthop_problem(d, reason, d->dp->service_ids[id->service].forward, &id->addr,
				     nexthop_find(d, x->new_backend)))
			snprintf(reason, sizeof(reason), "its path is not set");
		return json_sprintf(
			"slot %u of %u is owned by %s, but what is sent there is "
			"dropped as no_next_hop: %s%s%s",
			x->slot, slots, id->name, reason,
			x->known_backend != x->new_backend ? "; older flows stay on " : "",
			x->known_backend != x->new_backend ? name_of(d, x->known_backend) : "");
	}
	if (settled)
		return json_sprintf(
			"slot %u of %u is settled: every packet of its flows goes to its "
			"owner, %s",
			x->slot, slots, id->name);
	return why_unsettled(d, x, slots);
}

static const char *phase_name(enum ek_phase phase)
{
	if (phase == EK_PHASE_CONTESTED)
		return "contested";
	return phase == EK_PHASE_CONFIRMED ? "confirmed" : "pending";
}

static json_t *remembered_json(const struct daemon *d, uint64_t state)
{
	if (!state)
		return json_null();
	return json_pack("{s:s, s:s}", "backend", name_of(d, ek_flow_backend(state)), "phase",
			 phase_name(ek_flow_phase(state)));
}

static void explanation_put(json_t *j, const struct daemon *d, const struct dp_explanation *x,
			    uint16_t listener)
{
	struct dp_service_view view = {};
	char hash[20];

	if (dp_service_view(d->dp, x->service, &view))
		view.slots = 0;
	snprintf(hash, sizeof(hash), "%016llx", (unsigned long long)x->flow_hash);
	json_put(j, "why", why(d, x, view.slots));
	json_put(j, "attached", json_boolean(attachment_exists(d, NULL)));
	json_put(j, "service", json_string(d->dp->service_ids[x->service].name));
	json_put(j, "service_index", json_integer(x->service));
	json_put(j, "slot", json_integer(x->slot));
	json_put(j, "slots", json_integer(view.slots));
	json_put(j, "slot_settled", json_boolean(!(x->slot_word & EK_SLOT_UNSETTLED)));
	json_put(j, "flow_hash", json_string(hash));
	json_put(j, "remembered", remembered_json(d, x->remembered));
	json_put(j, "new_flow", answer_json(d, x->new_backend, x->flow_hash, listener));
	json_put(j, "established", answer_json(d, x->known_backend, x->flow_hash, listener));
}

void request_explain(struct request *r, struct reply *reply)
{
	struct dp_explanation x = {};
	const char *text = "", *reason = "";
	char source[ENDPOINT_TEXT_MAX], dest[ENDPOINT_TEXT_MAX];
	struct flow_spec flow;
	int err;

	if (!request_arguments(r, reply, "{s:s}", "flow", &text))
		return;
	if (flow_spec_parse(&flow, text, &reason)) {
		reply_usage(reply,
			    "flow \"%.160s\": %s; write it as \"198.51.100.7:40000 > "
			    "203.0.113.10:443/tcp\"",
			    text, reason);
		return;
	}
	err = dp_explain(r->daemon->dp, &flow, clock_now_s(), &x);
	if (err) {
		reply_refuse(reply, "the flow cannot be explained: %s", strerror(-err));
		return;
	}
	endpoint_text(&flow.source, source);
	endpoint_text(&flow.dest, dest);
	reply->result = json_pack("{s:o, s:b}", "flow", json_sprintf("%s > %s", source, dest),
				  "for_service", x.for_service);
	if (x.for_service)
		explanation_put(reply->result, r->daemon, &x, flow.dest.port);
	else
		json_put(
			reply->result, "why",
			json_sprintf("no service listens on %s: the packet is passed to this host, "
				     "untouched",
				     dest));
}

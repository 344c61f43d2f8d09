// SPDX-License-Identifier: GPL-2.0
#include "dp/rehearse.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "dp/object.h"
#include "evenkeel/table.h"
#include "lib/cleanup.h"
#include "lib/maglev.h"
#include "lib/packet.h"
#include "lib/rehearsed.h"
#include "lib/stage.h"

#define LOOPBACK 1u
#define FRAME_ROOM 512 /* a small packet with the largest of outer headers */

/* How often a client is looked for whose flow goes where none has gone yet. */
#define TRIES_PER_PACKET 64u

/* One service, while it is looked at. */
struct scene {
	struct dp *dp;
	const struct dp_rehearsal *rehearsal;
	const struct config_service *service;
	struct dp_rehearsed *result;
	char *error;
	uint64_t random;
	uint32_t index;
	uint32_t *backends; /* their indexes, in the order of the configuration */
	uint32_t *owners;   /* who shall have each slot: a place in `backends`, and 1 */
	uint32_t *sent;     /* packets for each place */
	uint64_t *counted;  /* and what the counters said before */
	uint32_t slots;
};

static uint64_t next_random(struct scene *s)
{
	s->random += 0x9e3779b97f4a7c15ull;
	return ek_mix(s->random, s->rehearsal->seed);
}

/* ---- the plan -------------------------------------------------------------------------------- */

static void scene_release(struct scene *s)
{
	free(s->backends);
	free(s->owners);
	free(s->sent);
	free(s->counted);
}

/* The table by configuration and weights. It depends on addresses, not on indexes: so these can be
 * places. */
static int plan_fill(struct scene *s, const uint32_t *weights, uint32_t *owners)
{
	size_t count = s->service->backend_count;
	_cleanup_(free_ptr) struct maglev_member *members = calloc(count + 1, sizeof(*members));

	if (!members)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		members[i] = (struct maglev_member){ s->service->backends[i].addr, weights[i],
						     (uint32_t)i + 1 };
	return maglev_fill(owners, s->slots, members, count, dp_key(s->dp));
}

/* A step of a change: some slots are still as by the weights before. */
static int plan_step(struct scene *s, uint32_t *weights)
{
	_cleanup_(free_ptr) uint32_t *owners = calloc(s->slots, sizeof(*owners));

	if (!owners)
		return -ENOMEM;
	return dp_weights_before(s->dp, s->service, s->backends, weights)
		       ?: plan_fill(s, weights, owners)
		       ?: stage_mix(s->owners, owners, s->slots, s->service->staged,
				    dp_key(s->dp));
}

static int plan_table(struct scene *s)
{
	_cleanup_(free_ptr) uint32_t *weights =
		calloc(s->service->backend_count + 1, sizeof(*weights));
	int err;

	if (!weights)
		return -ENOMEM;
	dp_weights(s->dp, s->service, s->backends, weights);
	err = plan_fill(s, weights, s->owners);
	return err || !s->service->staged ? err : plan_step(s, weights);
}

static int scene_make(struct scene *s)
{
	size_t count = s->service->backend_count;
	int index = dp_service_index(s->dp, s->service->name);
	uint64_t table = index < 0 ? 0 : s->dp->services[index].table;

	if (!table)
		return dp_fail(s->error, -EBADMSG, "service %s has no table in the maps",
			       s->service->name);
	s->index = (uint32_t)index;
	s->slots = ek_table_mask(table) + 1;
	s->backends = calloc(count + 1, sizeof(*s->backends));
	s->sent = calloc(count + 1, sizeof(*s->sent));
	s->counted = calloc(count + 1, sizeof(*s->counted));
	s->owners = calloc(s->slots, sizeof(*s->owners));
	if (!s->backends || !s->sent || !s->counted || !s->owners)
		return dp_fail(s->error, -ENOMEM, "out of memory");
	for (size_t i = 0; i < count; i++) {
		const struct config_backend *b = &s->service->backends[i];

		s->backends[i] = dp_backend_index(s->dp, s->index, &b->addr, b->port);
		if (!s->backends[i])
			return dp_fail(s->error, -EBADMSG, "backend %s/%s is not in the maps",
				       s->service->name, b->name);
	}
	return plan_table(s) ? dp_fail(s->error, -ENOMEM, "out of memory") : 0;
}

/* ---- the maps -------------------------------------------------------------------------------- */

static const char *name_of(const struct scene *s, uint32_t owner)
{
	return owner ? s->service->backends[owner - 1].name : "nobody";
}

static uint64_t slot_word(const struct scene *s, uint32_t slot)
{
	uint32_t at = ek_table_base(s->dp->services[s->index].table) + slot;

	return at < s->dp->sizes.slots ? s->dp->slots[at] : 0;
}

/* The share read back. A slot that differs also makes a share differ, or hides another one. */
static int read_back(struct scene *s)
{
	uint32_t *planned = s->sent, wrong = 0, first = 0;

	for (uint32_t i = 0; i < s->slots; i++) {
		uint32_t owner = s->owners[i];

		planned[owner ? owner - 1 : 0] += !!owner;
		if (ek_slot_cur(slot_word(s, i)) == (owner ? s->backends[owner - 1] : 0))
			continue;
		first = wrong++ ? first : i;
	}
	s->result->slots += s->slots;
	if (wrong)
		return dp_fail(s->error, -EBADMSG,
			       "service %s: %u of %u slots are not as planned; the first is slot "
			       "%u, which is to be %s's",
			       s->service->name, wrong, s->slots, first,
			       name_of(s, s->owners[first]));
	/* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): scene_make() has set it */
	memset(planned, 0, (s->service->backend_count + 1) * sizeof(*planned));
	return 0;
}

/* ---- packets --------------------------------------------------------------------------------- */

/* One packet on its way. */
struct passage {
	struct packet_flow flow;
	uint8_t proto;
	uint32_t owner; /* a place, and 1; 0: nobody */
	uint8_t in[FRAME_ROOM], out[FRAME_ROOM];
	size_t in_size, out_size;
	int verdict;
};

/* Addresses for benchmarks and documents (RFC 2544, RFC 3849): nobody's. */
#define CLIENTS_IPV4 0xc6120000u /* 198.18.0.0/15 */
#define CLIENTS_IPV4_MASK 0x1ffffu
#define CLIENTS_IPV6 0x20010db8u /* 2001:db8::/96 */

bool dp_rehearse_client(const struct ek_addr *a)
{
	if (addr_is_ipv4(a))
		return (ntohl(a->be32[3]) & ~CLIENTS_IPV4_MASK) == CLIENTS_IPV4;
	return a->be32[0] == htonl(CLIENTS_IPV6) && !a->be32[1] && !a->be32[2];
}

static void choose_client(struct scene *s, struct passage *p)
{
	uint64_t random = next_random(s);

	memset(&p->flow.source, 0, sizeof(p->flow.source));
	if (addr_is_ipv4(&p->flow.dest)) {
		p->flow.source.be32[2] = htonl(0xffff);
		p->flow.source.be32[3] = htonl(CLIENTS_IPV4 | (random & CLIENTS_IPV4_MASK));
	} else {
		p->flow.source.be32[0] = htonl(CLIENTS_IPV6);
		p->flow.source.be32[3] = htonl((uint32_t)random);
	}
	p->flow.source_port = (uint16_t)(1024 + (random >> 32) % 60000);
	p->flow.isn = (uint32_t)(random >> 48);
}

static uint32_t flow_slot_planned(const struct scene *s, const struct passage *p)
{
	struct ek_flow_id id = {
		.src = p->flow.source,
		.dst = p->flow.dest,
		.sport = htons(p->flow.source_port),
		.dport = htons(p->flow.dest_port),
		.proto = p->proto,
	};
	struct ek_key key = dp_key(s->dp);
	struct ek_key keys[2] = { key, key };
	uint64_t table = ek_table_word(0, s->slots, ek_flavour((uint8_t)s->service->hash, 0, 0));

	return (uint32_t)ek_table_flow_hash(table, &id, keys) & (s->slots - 1);
}

/* Must the slot be settled for the packet? In an unsettled one UDP goes to the default, for a time,
 * and so do new flows where the owner is nobody; and in the data path in force it would keep that
 * default awake. */
static bool must_be_settled(const struct scene *s, const struct passage *p, uint32_t owner)
{
	return s->rehearsal->live || p->proto == IPPROTO_UDP || !owner;
}

/* A client whose flow goes to a backend that none has gone to, as far as one can be found. */
static bool choose_flow(struct scene *s, struct passage *p, const struct config_listener *l)
{
	bool found = false;

	p->proto = l->endpoint.proto;
	p->flow.dest = l->endpoint.addr;
	p->flow.dest_port = l->endpoint.port;
	for (uint32_t i = 0; i < TRIES_PER_PACKET; i++) {
		struct packet_flow kept = p->flow;
		uint32_t slot, owner;

		choose_client(s, p);
		slot = flow_slot_planned(s, p);
		owner = s->owners[slot];
		if ((must_be_settled(s, p, owner) && slot_word(s, slot) & EK_SLOT_UNSETTLED) ||
		    (s->rehearsal->live && !owner)) {
			p->flow = found ? kept : p->flow;
			continue;
		}
		found = true;
		p->owner = owner;
		if (!owner || !s->sent[owner - 1])
			break;
	}
	return found;
}

static void write_frame(const struct scene *s, struct passage *p)
{
	static const uint8_t addresses[2 * ETH_ALEN] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2 };
	const uint8_t *to = (const uint8_t *)&s->dp->global->mac;
	uint16_t type = htons(addr_is_ipv4(&p->flow.dest) ? ETH_P_IP : ETH_P_IPV6);
	uint8_t *packet = p->in + ETH_HLEN;
	bool rst = s->rehearsal->live;

	memcpy(p->in, addresses, sizeof(addresses));
	if (s->dp->global->mac)
		memcpy(p->in, to, ETH_ALEN);
	memcpy(p->in + 2 * ETH_ALEN, &type, sizeof(type));
	p->in_size = ETH_HLEN + (p->proto == IPPROTO_UDP ? packet_udp(packet, &p->flow)
				 : rst                   ? packet_rst(packet, &p->flow)
							 : packet_syn(packet, &p->flow));
}

/* Comes in by `ingress`. */
static int run_frame(const struct scene *s, struct passage *p, uint32_t ingress)
{
	struct xdp_md md = { .data_end = (uint32_t)p->in_size, .ingress_ifindex = ingress };
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = p->in, .data_size_in = (uint32_t)p->in_size,
		    .data_out = p->out, .data_size_out = sizeof(p->out), .ctx_in = &md,
		    .ctx_size_in = sizeof(md), .repeat = 1);
	int err = bpf_prog_test_run_opts(s->dp->program_fd, &run);

	p->verdict = (int)run.retval;
	p->out_size = run.data_size_out;
	return err;
}

/* A packet that comes in by the egress goes back there (XDP_TX), and by another interface is
 * redirected: so the verdict says whether the egress is the one planned. An interface without XDP
 * takes no such packet: then it comes by the loopback interface. */
static int run(const struct scene *s, struct passage *p, uint32_t egress, int *expected)
{
	const struct dp_rehearsal *r = s->rehearsal;

	*expected = XDP_TX;
	if (egress != LOOPBACK && (!r->comes_in || r->comes_in(r->context, egress)) &&
	    !run_frame(s, p, egress))
		return 0;
	*expected = egress == LOOPBACK ? XDP_TX : XDP_REDIRECT;
	return run_frame(s, p, LOOPBACK);
}

static const char *verdict_text(int verdict)
{
	static const char *const texts[] = {
		[XDP_ABORTED] = "it was aborted",
		[XDP_DROP] = "it was dropped",
		[XDP_PASS] = "it was taken for nobody's and passed",
		[XDP_TX] = "it left by another interface",
		[XDP_REDIRECT] = "it left by another interface",
	};

	return verdict >= 0 && verdict <= XDP_REDIRECT ? texts[verdict] : "its verdict is unknown";
}

static int disagree(const struct scene *s, const struct passage *p, const char *why)
{
	struct endpoint from = { p->flow.source, p->flow.source_port, 0 };
	struct endpoint to = { p->flow.dest, p->flow.dest_port, p->proto };
	char a[ENDPOINT_TEXT_MAX], b[ENDPOINT_TEXT_MAX];

	return dp_fail(s->error, -EBADMSG, "service %s: %s > %s is to go to %s, but %s",
		       s->service->name, endpoint_text(&from, a), endpoint_text(&to, b),
		       name_of(s, p->owner), why);
}

static int judge(struct scene *s, struct passage *p, const struct path_hop *hop, int expected)
{
	const struct config_backend *b = &s->service->backends[p->owner - 1];
	struct rehearsed plan = {
		.forward = s->service->forward,
		.gue = config_gue(s->service),
		.backend = b->addr,
		.port = b->port,
		.tag_type = hop->tag_type,
		.tag = hop->tag,
	};
	char why[REHEARSED_TEXT_MAX];

	memcpy(plan.dest_mac, hop->dest_mac, sizeof(plan.dest_mac));
	if (p->verdict != expected)
		return disagree(s, p, verdict_text(p->verdict));
	if (!rehearsed_agrees(&plan, p->in, p->in_size, p->out, p->out_size, why))
		return disagree(s, p, why);
	s->sent[p->owner - 1]++;
	s->result->packets++;
	return 0;
}

/* One packet; who has no owner or no next hop is to be dropped. */
static int send_one(struct scene *s, const struct config_listener *l)
{
	struct passage p = {};
	struct path_hop hop = {};
	int expected, err;
	bool ready;

	if (!choose_flow(s, &p, l))
		return 0;
	if (p.owner && p.proto == IPPROTO_UDP &&
	    s->dp->capacities[s->backends[p.owner - 1]].packets)
		return 0; /* clients' packets may have taken all that it can take */
	ready = p.owner &&
		s->rehearsal->hop_of(s->rehearsal->context, s->backends[p.owner - 1], &hop);
	write_frame(s, &p);
	err = run(s, &p, ready ? hop.ifindex : LOOPBACK, &expected);
	if (err)
		return dp_fail(s->error, err, "packets cannot be run through the program: %s",
			       strerror(-err));
	if (ready)
		return judge(s, &p, &hop, expected);
	s->result->unready++;
	return p.verdict == XDP_DROP ? 0 : disagree(s, &p, verdict_text(p.verdict));
}

static uint64_t packets_counted(const struct scene *s, size_t place)
{
	struct dp_traffic t;

	dp_traffic(s->dp, s->backends[place], &t);
	return t.packets;
}

/* The share counted. In the data path in force clients' packets are counted, too. */
static int compare_counters(const struct scene *s)
{
	for (size_t i = 0; i < s->service->backend_count; i++) {
		uint64_t counted = packets_counted(s, i) - s->counted[i];

		if (counted < s->sent[i] || (counted > s->sent[i] && !s->rehearsal->live))
			return dp_fail(s->error, -EBADMSG,
				       "service %s: %u packets went to %s, but %llu were counted",
				       s->service->name, s->sent[i], s->service->backends[i].name,
				       (unsigned long long)counted);
	}
	return 0;
}

static int send_packets(struct scene *s, uint32_t packets)
{
	int err = 0;

	for (size_t i = 0; i < s->service->backend_count; i++)
		s->counted[i] = packets_counted(s, i);
	for (uint32_t i = 0; !err && i < packets; i++)
		err = send_one(s, &s->service->listeners[i % s->service->listener_count]);
	return err ?: compare_counters(s);
}

/* ---- all services ---------------------------------------------------------------------------- */

/* Twice its backends and its listeners, within what is left for all. */
static uint32_t packets_of(const struct dp_rehearsal *r, const struct config_service *s)
{
	size_t wanted = 2 * s->backend_count + 2 * s->listener_count;
	size_t share = r->packets / (r->config->service_count ?: 1) ?: 1;

	return (uint32_t)(wanted < share ? wanted : share);
}

static int rehearse_service(struct dp *dp, const struct dp_rehearsal *r,
			    const struct config_service *service, struct dp_rehearsed *result,
			    char error[static DP_ERROR_MAX])
{
	_cleanup_(scene_release) struct scene s = { .dp = dp,
						    .rehearsal = r,
						    .service = service,
						    .result = result,
						    .error = error,
						    .random = r->seed };
	int err = scene_make(&s);

	err = err ?: read_back(&s);
	err = err ?: send_packets(&s, packets_of(r, service));
	result->services += !err;
	return err;
}

/* Where a service is forwarded in another way than now, its paths are still those of now. */
static int set_paths(struct dp *dp, const struct dp_rehearsal *r, const struct config_service *s)
{
	int service = dp_service_index(dp, s->name);

	for (size_t i = 0; service >= 0 && i < s->backend_count; i++) {
		const struct config_backend *b = &s->backends[i];
		struct dp_path_change change = { .present = true };
		struct path_hop hop = {};
		int err;

		change.backend = dp_backend_index(dp, (uint32_t)service, &b->addr, b->port);
		if (!change.backend || !r->hop_of(r->context, change.backend, &hop))
			continue;
		hop.gue = config_gue(s);
		hop.port = b->port;
		hop.vlan_strip = s->vlan_strip;
		err = path_build(&change.path, s->forward, &b->addr, &hop);
		if (!err && change.path.encap != dp_path(dp, change.backend)->encap)
			err = dp_paths_set(dp, &change, 1);
		err = err ?: dp_egress_add(dp, hop.ifindex);
		if (err)
			return err;
	}
	return 0;
}

int dp_rehearse(struct dp *dp, const struct dp_rehearsal *r, struct dp_rehearsed *result,
		char error[static DP_ERROR_MAX])
{
	struct dp_rehearsed done = {};
	int err = 0;

	for (size_t i = 0; !err && !r->live && i < r->config->service_count; i++) {
		err = set_paths(dp, r, &r->config->services[i]);
		if (err)
			dp_fail(error, err, "service %s: the ways to its backends: %s",
				r->config->services[i].name, strerror(-err));
	}
	for (size_t i = 0; !err && i < r->config->service_count; i++)
		err = rehearse_service(dp, r, &r->config->services[i], &done, error);
	*result = done;
	return err;
}

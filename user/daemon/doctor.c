/* SPDX-License-Identifier: GPL-2.0 */
#include "daemon/doctor.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "daemon/attachment.h"
#include "daemon/health.h"
#include "daemon/nat.h"
#include "daemon/facts.h"
#include "daemon/nexthop.h"
#include "daemon/rebalances.h"
#include "daemon/sample.h"
#include "daemon/sampling.h"
#include "daemon/skew_report.h"
#include "dp/install.h"
#include "lib/addr.h"
#include "lib/cleanup.h"
#include "lib/path.h"
#include "net/net.h"

/* A backend on the far side of a data centre answers within a few milliseconds. */
#define PROBE_MS 300

/* What clients send at most, where nobody has set another MTU. */
#define CLIENT_MTU 1500

/* IPv4 and TCP headers without options: what lies between an MTU and its MSS. */
#define HEADERS_IPV4 40

struct doctor {
	struct findings *findings;
	const struct daemon *daemon;
	uint64_t until; /* uv_hrtime() at which probing ends */
	size_t unprobed;
};

/* ---- the addresses of a service -------------------------------------------------------------- */

static uint64_t packets_of(const struct dp *dp, uint32_t service)
{
	uint64_t packets = 0;

	for (uint32_t i = 1; i < dp->sizes.backends; i++) {
		struct dp_traffic t;

		if (!dp->backend_ids[i].used || dp->backend_ids[i].service != service)
			continue;
		dp_traffic(dp, i, &t);
		packets += t.packets;
	}
	return packets;
}

static void check_vip(struct doctor *x, const struct config_service *s, const struct ek_addr *addr,
		      uint64_t packets)
{
	char text[ADDR_TEXT_MAX], subject[192], remedy[128], interface[IF_NAMESIZE] = "?";
	unsigned int ifindex = 0;

	addr_text(addr, text);
	snprintf(subject, sizeof(subject), "%s %s", s->name, text);
	snprintf(remedy, sizeof(remedy),
		 "at the router: ip route add %s/%d via ADDRESS_OF_THIS_HOST", text,
		 addr_is_ipv4(addr) ? 32 : 128);
	if (net_address_local(addr, &ifindex)) {
		if_indextoname(ifindex, interface);
		finding_add(x->findings, FINDING_OK, "vip", subject, "",
			    "is on %s of this host: the kernel answers %s for it", interface,
			    addr_is_ipv4(addr) ? "ARP" : "neighbour discovery");
	} else if (packets) {
		finding_add(
			x->findings, FINDING_OK, "vip", subject, "",
			"is not on this host; its service has had traffic, so something routes it "
			"here");
	} else {
		finding_add(
			x->findings, FINDING_WARNING, "vip", subject, remedy,
			"is not on this host, so nothing here answers %s for it, and no traffic "
			"has come: a router must send it here",
			addr_is_ipv4(addr) ? "ARP" : "neighbour discovery");
	}
}

static void check_vips(struct doctor *x, const struct config_service *s, uint32_t service)
{
	uint64_t packets = packets_of(x->daemon->dp, service);

	for (size_t i = 0; i < s->listener_count; i++) {
		const struct ek_addr *addr = &s->listeners[i].endpoint.addr;
		bool seen = false;

		for (size_t k = 0; k < i; k++)
			seen |= addr_equal(addr, &s->listeners[k].endpoint.addr);
		if (!seen)
			check_vip(x, s, addr, packets);
	}
}

/* ---- the maps against the revision ----------------------------------------------------------- */

static void check_maps(struct doctor *x, const struct config_service *s, uint32_t service)
{
	const struct dp *dp = x->daemon->dp;
	const char *remedy = "systemctl restart evenkeeld (forwarding goes on meanwhile)";
	struct dp_service_view view;
	int64_t wrong;

	for (size_t i = 0; i < s->listener_count; i++) {
		const struct ek_listener *l = dp_listener(dp, &s->listeners[i].endpoint);
		char text[ENDPOINT_TEXT_MAX];

		if (!l || l->service != service)
			finding_add(x->findings, FINDING_ERROR, "listener", s->name, remedy,
				    "the maps do not lead %s to this service",
				    endpoint_text(&s->listeners[i].endpoint, text));
	}
	if (dp_service_view(dp, service, &view)) {
		finding_add(x->findings, FINDING_ERROR, "table", s->name, remedy,
			    "the maps hold no table for it");
		return;
	}
	wrong = dp_table_drift(dp, service, s);
	if (dp_slots_waiting(dp, service))
		finding_add(x->findings, FINDING_OK, "table", s->name, "",
			    "%u slots wait for another owner until they have settled",
			    dp_slots_waiting(dp, service));
	if (wrong < 0)
		finding_add(x->findings, FINDING_WARNING, "table", s->name, "",
			    "its table could not be compared: %s", strerror((int)-wrong));
	else if (wrong)
		finding_add(x->findings, FINDING_ERROR, "table", s->name, remedy,
			    "%lld of %u slots are not as the revision says", (long long)wrong,
			    view.slots);
	else
		finding_add(x->findings, FINDING_OK, "table", s->name, "",
			    "all %u slots are as the revision says, %u of them unsettled",
			    view.slots, view.unsettled);
}

/* ---- backends -------------------------------------------------------------------------------- */

static bool service_had_traffic(const struct doctor *x, const struct config_service *s)
{
	int service = dp_service_index(x->daemon->dp, s->name);

	return service >= 0 && packets_of(x->daemon->dp, (uint32_t)service);
}

static void check_mtu(struct doctor *x, const struct config_service *s,
		      const struct config_backend *b, const struct hop *hop, const char *subject)
{
	uint32_t overhead = path_overhead(s->forward, config_gue(s), &b->addr);
	uint32_t room = hop->mtu > overhead ? hop->mtu - overhead : 0;
	struct ek_verdicts verdicts;
	char remedy[256];

	if (room >= CLIENT_MTU) {
		finding_add(x->findings, FINDING_OK, "mtu", subject, "",
			    "packets of %u bytes fit with %u bytes of outer header", CLIENT_MTU,
			    overhead);
		return;
	}
	dp_verdicts(x->daemon->dp, &verdicts);
	if (!verdicts.dropped[EK_DROP_TOO_BIG] && !verdicts.answered_too_big &&
	    service_had_traffic(x, s)) {
		/* The backends' advmss cannot be seen from here, but that it works can. */
		finding_add(x->findings, FINDING_OK, "mtu", subject, "",
			    "MTU %u less %u bytes of outer header leaves %u, and no packet was "
			    "too_big so far",
			    hop->mtu, overhead, room);
		return;
	}
	snprintf(remedy, sizeof(remedy),
		 "on the backend, on its route to the clients: ip route change ROUTE advmss %u; or "
		 "raise the MTU between balancer and backend to %u",
		 room > HEADERS_IPV4 ? room - HEADERS_IPV4 : 0, CLIENT_MTU + overhead);
	finding_add(x->findings, FINDING_WARNING, "mtu", subject, remedy,
		    "MTU %u less %u bytes of outer header leaves %u: of larger packets clients are "
		    "told so, or they are dropped as too_big",
		    hop->mtu, overhead, room);
}

/* The first TCP listener of a family, to knock at. */
static const struct endpoint *listener_of(const struct config_service *s, bool ipv4)
{
	for (size_t i = 0; i < s->listener_count; i++) {
		const struct endpoint *e = &s->listeners[i].endpoint;

		if (e->proto == IPPROTO_TCP && addr_is_ipv4(&e->addr) == ipv4)
			return e;
	}
	return NULL;
}

static const char *silence_reason(enum ek_forward forward)
{
	if (forward == EK_FORWARD_NAT)
		return "the server is down";
	if (forward == EK_FORWARD_L2)
		return "the address is not on its loopback";
	return "it does not decapsulate, or the address is not on its loopback";
}

/* What a backend sees instead of the service's address: it has not got that. */
static struct endpoint nat_target(const struct endpoint *listener, const struct config_backend *b)
{
	struct endpoint to = *listener;

	to.addr = b->addr;
	if (b->port)
		to.port = (uint16_t)b->port;
	return to;
}

static void probe_report(struct doctor *x, const struct config_service *s, const char *subject,
			 const struct endpoint *e, enum probe_verdict verdict)
{
	char text[ENDPOINT_TEXT_MAX], remedy[128];

	endpoint_text(e, text);
	snprintf(remedy, sizeof(remedy), "evenkeel backend setup %s", s->name);
	switch (verdict) {
	case PROBE_ANSWERED:
		finding_add(x->findings, FINDING_OK, "probe", subject, "",
			    "answers for %s as forwarded by %s", text,
			    config_forward_name(s->forward));
		return;
	case PROBE_REFUSED:
		finding_add(x->findings, FINDING_ERROR, "probe", subject, "",
			    "takes packets for %s, but nothing listens there on the backend", text);
		return;
	case PROBE_SILENT:
		finding_add(x->findings, FINDING_ERROR, "probe", subject, remedy,
			    "no answer for %s as forwarded by %s: %s, or a firewall is in between",
			    text, config_forward_name(s->forward), silence_reason(s->forward));
		return;
	case PROBE_NO_HOP:
		finding_add(x->findings, FINDING_ERROR, "probe", subject, "",
			    "could not be sent a packet");
		return;
	}
}

/* By the very path that is in the maps, with its outer header. */
static void check_probe(struct doctor *x, const struct config_service *s,
			const struct config_backend *b, uint32_t index, const struct hop *hop,
			const char *subject)
{
	struct ek_path path = *dp_path(x->daemon->dp, index);

	for (int family = 0; family < 2; family++) {
		const struct endpoint *e = listener_of(s, family == 0);
		struct endpoint at_backend;
		enum probe_verdict verdict;
		int err;

		if (!e)
			continue;
		if (s->forward == EK_FORWARD_NAT) {
			at_backend = nat_target(e, b);
			e = &at_backend;
		}
		if (uv_hrtime() >= x->until) {
			x->unprobed++;
			continue;
		}
		err = net_probe(&verdict, e, &path, hop, PROBE_MS);
		if (err)
			finding_add(x->findings, FINDING_WARNING, "probe", subject, "",
				    "could not be probed: %s", strerror(-err));
		else
			probe_report(x, s, subject, e, verdict);
	}
}

/* What mends it that nothing can be sent there. */
static void next_hop_remedy(const struct doctor *x, const struct hop *hop, const struct ek_addr *to,
			    char *out, size_t size)
{
	const struct attachment *from;
	char addr[ADDR_TEXT_MAX];

	addr_text(to, addr);
	if (hop && hop->state == HOP_READY && nexthop_lost(x->daemon, hop, &from))
		snprintf(out, size, "evenkeel detach %.15s; evenkeel attach %.15s --generic",
			 from->name, from->name);
	else
		snprintf(out, size, "ip route get %s; ping %s", addr, addr);
}

/* The path serves what comes in by the egress itself, and nothing else. */
static void check_egress(struct doctor *x, const struct hop *hop, const char *subject,
			 const char *remedy)
{
	const struct attachment *from;

	if (nexthop_lost(x->daemon, hop, &from))
		finding_add(x->findings, FINDING_WARNING, "egress", subject, remedy,
			    "what comes in by %.15s is dropped as no_next_hop: %s (%s) takes no "
			    "frames from it in driver mode",
			    from->name, hop->interface, hop->no_redirect);
}

static void check_nat(struct doctor *x, const struct config_service *s,
		      const struct config_backend *b, const struct hop *hop, const char *subject)
{
	char text[NAT_TEXT_MAX], remedy[NAT_TEXT_MAX];

	if (s->forward == EK_FORWARD_NAT && nat_problem(text, remedy, x->daemon, &b->addr, hop))
		finding_add(x->findings, FINDING_ERROR, "nat", subject, remedy, "%s", text);
}

static void check_health(struct doctor *x, uint32_t index, const char *subject)
{
	struct health_view view;

	if (!health_view(x->daemon, index, &view) || !view.checked)
		return;
	if (view.state != HEALTH_UP)
		finding_add(x->findings, FINDING_ERROR, "health", subject, "", "is %s: %s",
			    health_state_name(view.state), view.reason);
	else if (view.stuck)
		finding_add(x->findings, FINDING_WARNING, "health", subject, "",
			    "was up when last heard of: %s", view.reason);
	else
		finding_add(x->findings, FINDING_OK, "health", subject, "", "its checks succeed");
}

/* Is it held to less than comes? */
static void check_capacity(struct doctor *x, uint32_t index, const char *subject)
{
	const struct ek_capacity *c = &x->daemon->dp->capacities[index];
	char text[CAPACITY_TEXT_MAX];
	struct dp_traffic all, second;

	if (!ek_capacity_flows(c, clock_now_s()) && !c->packets)
		return;
	dp_traffic(x->daemon->dp, index, &all);
	samples_second(x->daemon->samples, index, &second);
	capacity_text(c, text);
	if (second.shed)
		finding_add(x->findings, FINDING_WARNING, "capacity", subject,
			    "if it can take more, declare more (backend set --new-flows, "
			    "--udp-packets); else add backends",
			    "takes %s, and more comes: %llu packets were shed in the last second",
			    text, (unsigned long long)second.shed);
	else
		finding_add(x->findings, FINDING_OK, "capacity", subject, "",
			    "takes %s; no more comes, and %llu packets were shed in all", text,
			    (unsigned long long)all.shed);
}

/* How the table was made, where not simply of who is up. */
static void check_pool(struct doctor *x, const struct config_service *s, uint32_t service)
{
	struct health_pool_view pool;

	health_pool_view(x->daemon, service, &pool);
	if (pool.mode != ELIGIBLE_HEALTHY)
		finding_add(x->findings, FINDING_ERROR, "pool", s->name,
			    "bring backends back; evenkeel status says what is wrong with each",
			    "%s: %u of %u backends are up, %u get new flows",
			    eligible_mode_name(pool.mode), pool.up, pool.count, pool.in_table);
}

static void check_backend(struct doctor *x, const struct config_service *s,
			  const struct config_backend *b, uint32_t index)
{
	const struct hop *hop = nexthop_find(x->daemon, index);
	char subject[192], reason[NEXTHOP_REASON_MAX], remedy[128];
	struct hop copy;

	snprintf(subject, sizeof(subject), "%s/%s", s->name, b->name);
	check_health(x, index, subject);
	check_capacity(x, index, subject);
	handshakes_examine(x->findings, x->daemon, index);
	next_hop_remedy(x, hop, &b->addr, remedy, sizeof(remedy));
	if (nexthop_problem(x->daemon, reason, s->forward, &b->addr, hop)) {
		finding_add(x->findings, FINDING_ERROR, "next_hop", subject, remedy, "%s", reason);
		return;
	}
	copy = *hop;
	if (!(dp_path(x->daemon->dp, index)->flags & EK_PATH_NEXT_HOP))
		finding_add(x->findings, FINDING_ERROR, "next_hop", subject,
			    "systemctl restart evenkeeld (forwarding goes on meanwhile)",
			    "its next hop is known, but the maps have no path to it");
	else
		finding_add(x->findings, FINDING_OK, "next_hop", subject, "", "reached by %s",
			    copy.interface);
	check_egress(x, &copy, subject, remedy);
	check_nat(x, s, b, &copy, subject);
	check_mtu(x, s, b, &copy, subject);
	check_probe(x, s, b, index, &copy, subject);
}

void doctor_services(struct findings *f, const struct daemon *d)
{
	struct doctor x = {
		.findings = f,
		.daemon = d,
		.until = uv_hrtime() + DOCTOR_BUDGET_MS * 1000000ull,
	};

	for (size_t i = 0; d->config && i < d->config->service_count; i++) {
		const struct config_service *s = &d->config->services[i];
		int service = dp_service_index(d->dp, s->name);

		if (service < 0) {
			finding_add(f, FINDING_ERROR, "table", s->name,
				    "systemctl restart evenkeeld",
				    "the maps do not know this service");
			continue;
		}
		check_vips(&x, s, (uint32_t)service);
		check_maps(&x, s, (uint32_t)service);
		check_pool(&x, s, (uint32_t)service);
		skew_examine(f, d, s, (uint32_t)service);
		rebalances_examine(f, d, (uint32_t)service);
		for (size_t k = 0; k < s->backend_count; k++)
			check_backend(&x, s, &s->backends[k],
				      dp_backend_index(d->dp, (uint32_t)service,
						       &s->backends[k].addr, s->backends[k].port));
	}
	if (x.unprobed)
		finding_add(f, FINDING_WARNING, "probe", "evenkeeld", "",
			    "%zu probes were left out: the others took more than %d s", x.unprobed,
			    DOCTOR_BUDGET_MS / 1000);
}

/* SPDX-License-Identifier: GPL-2.0 */
#include "daemon/metrics.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "daemon/alert.h"
#include "daemon/attachment.h"
#include "daemon/facts.h"
#include "daemon/health.h"
#include "daemon/log.h"
#include "daemon/nexthop.h"
#include "daemon/rebalances.h"
#include "daemon/sample.h"
#include "daemon/skews.h"
#include "dp/install.h"
#include "dp/lost.h"
#include "lib/cleanup.h"
#include "lib/families.h"

/* A series is named by service and backend, and a counter must not jump. While a backend leaves,
 * another may have its name: the series is the new one's then, and stays so when that one leaves
 * too. Hence what is remembered: by backend index, whether its series was given to another. */
struct metrics_memory {
	uint32_t backends;
	bool *superseded;
};

int metrics_open(struct metrics_memory **out, const struct dp *dp)
{
	struct metrics_memory *m = calloc(1, sizeof(*m));

	if (m) {
		m->backends = dp->sizes.backends;
		m->superseded = calloc(m->backends, sizeof(*m->superseded));
	}
	if (!m || !m->superseded) {
		metrics_close(m);
		return log_err(-ENOMEM, "no memory for the metrics");
	}
	*out = m;
	return 0;
}

void metrics_close(struct metrics_memory *m)
{
	if (!m)
		return;
	free(m->superseded);
	free(m);
}

static void gathered_release(struct metrics *m)
{
	free(m->services);
	free(m->backends);
	free(m->checks);
	free(m->interfaces);
}

/* ---- the controller -------------------------------------------------------------------------- */

static double cpu_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static uint64_t resident_bytes(void)
{
	_cleanup_(close_file) FILE *f = fopen("/proc/self/statm", "re");
	unsigned long long pages = 0;

	if (!f || fscanf(f, "%*u %llu", &pages) != 1)
		return 0;
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void gather_host(struct metrics *m, const struct daemon *d)
{
	struct ek_verdicts v;

	dp_verdicts(d->dp, &v);
	m->version = EK_VERSION;
	m->abi = EK_ABI_VERSION;
	m->started = d->started;
	m->cpu_seconds = cpu_seconds();
	m->resident_bytes = resident_bytes();
	m->revision = d->revision.number;
	m->revision_time = d->revision.number ? d->revision.time : 0;
	m->revision_hash = d->revision.hash;
	m->trouble = d->trouble[0];
	m->settling = d->settling;
	m->journal_failures = d->journal_failures;
	m->drifts = d->drifts;
	m->alerts_lost = alerts_lost(d);
	m->passed = v.passed;
	m->sent = v.sent;
	m->redirected = v.redirected;
	m->answered = v.answered;
	m->returned = v.returned;
	m->answered_too_big = v.answered_too_big;
	m->early_fragments = v.early_fragments;
	memcpy(m->dropped, v.dropped, sizeof(m->dropped));
	m->stored = v.stored;
	m->alerts = alerts_of(d);
	m->flows_max = (uint64_t)d->dp->sizes.flow_buckets * EK_FLOWS_PER_BUCKET;
}

/* ---- interfaces ------------------------------------------------------------------------------ */

/* The interface of that index, added if it is not there; NULL if it has no name any more: a
 * counter that nobody could name ends with its interface. */
static struct metrics_interface *interface_at(struct metrics *m, const char *name)
{
	for (size_t i = 0; i < m->interface_count; i++)
		if (!strcmp(m->interfaces[i].name, name))
			return &m->interfaces[i];
	if (m->interface_count == EK_EGRESS_MAX)
		return NULL;
	m->interfaces[m->interface_count] = (struct metrics_interface){};
	snprintf(m->interfaces[m->interface_count].name, sizeof(m->interfaces[0].name), "%s", name);
	return &m->interfaces[m->interface_count++];
}

static struct metrics_interface *interface_by_index(struct metrics *m, unsigned int ifindex)
{
	char name[IF_NAMESIZE];

	return ifindex && if_indextoname(ifindex, name) ? interface_at(m, name) : NULL;
}

/* Those that packets leave by are there from the beginning: an alert on a counter that first
 * appears with its first loss would not see that one. */
static void gather_egresses(struct metrics *m, const struct dp *dp)
{
	unsigned int last = 0;

	for (uint32_t i = 1; i < dp->sizes.backends; i++) {
		const struct ek_path *path = dp->backend_ids[i].used ? dp_path(dp, i) : NULL;

		if (!path || !(path->flags & EK_PATH_NEXT_HOP) || path->egress == last)
			continue;
		last = path->egress;
		interface_by_index(m, last);
	}
}

static void gather_lost(struct metrics *m, const struct daemon *d)
{
	const struct dp_lost_egress *list;
	size_t count;

	m->lost_counted = d->lost && !dp_lost_refresh(d->lost);
	if (!m->lost_counted)
		return;
	list = dp_lost_list(d->lost, &count);
	for (size_t i = 0; i < count; i++) {
		struct metrics_interface *interface = interface_by_index(m, list[i].ifindex);

		if (!interface)
			continue;
		interface->refused = list[i].refused;
		interface->unsent = list[i].unsent;
	}
}

static int gather_interfaces(struct metrics *m, const struct daemon *d)
{
	_cleanup_(free_ptr) struct attachment *attached = NULL;
	size_t count = 0;

	m->interfaces = calloc(EK_EGRESS_MAX, sizeof(*m->interfaces));
	if (!m->interfaces)
		return -ENOMEM;
	if (attachments_list(d, &attached, &count))
		count = 0;
	for (size_t i = 0; i < count; i++) {
		struct metrics_interface *interface =
			attached[i].ifindex ? interface_at(m, attached[i].name) : NULL;

		if (interface)
			interface->mode = attached[i].generic ? "generic" : "driver";
	}
	gather_egresses(m, d->dp);
	gather_lost(m, d);
	return 0;
}

/* ---- services and backends ------------------------------------------------------------------- */

/* Who has an index anew is nobody's predecessor. */
static void memory_forget(struct metrics_memory *m, const struct dp *dp)
{
	for (uint32_t i = 1; i < m->backends; i++)
		if (!dp->backend_ids[i].used)
			m->superseded[i] = false;
}

/* Has another backend of the service taken the name over? */
static bool is_superseded(const struct metrics_memory *m, const struct dp *dp,
			  const struct tally *t, uint32_t i)
{
	const struct ek_backend_id *id = &dp->backend_ids[i];

	if (id->used != 2)
		return false;
	if (m->superseded[i])
		return true;
	for (uint32_t k = t->first[id->service]; k < t->first[id->service + 1]; k++) {
		const struct ek_backend_id *other = &dp->backend_ids[t->order[k]];

		if (t->order[k] != i && !strcmp(other->name, id->name) &&
		    (other->used == 1 || other->since > id->since ||
		     (other->since == id->since && t->order[k] > i)))
			return true;
	}
	return false;
}

static double share(uint64_t part, uint64_t whole)
{
	return whole ? (double)part / (double)whole : -1;
}

static struct metrics_backend backend_of(const struct daemon *d, uint32_t i,
					 const struct config_backend *b, const struct tally *t)
{
	const struct ek_backend_id *id = &d->dp->backend_ids[i];
	const struct service_tally *all = &t->services[id->service];
	char reason[NEXTHOP_REASON_MAX] = "";
	struct dp_traffic traffic;
	struct health_view health = {};
	uint64_t packets, flows;
	bool checked = health_view(d, i, &health) && health.checked;
	struct load_view load = {};
	bool asked = rebalances_load(d, i, &load);

	dp_traffic(d->dp, i, &traffic);
	samples_window(d->samples, i, &packets, &flows);
	return (struct metrics_backend){
		.service = d->dp->service_ids[id->service].name,
		.name = id->name,
		.state = backend_state(d, i, b, t, reason),
		.next_hop = dp_path(d->dp, i)->flags & EK_PATH_NEXT_HOP,
		.configured = b != NULL,
		.weight = b ? b->weight : 0,
		.packets = traffic.packets,
		.bytes = traffic.bytes,
		.flows = traffic.flows,
		.shed = traffic.shed,
		.capacity_flows = ek_capacity_flows(&d->dp->capacities[i], clock_now_s()),
		.capacity_packets = d->dp->capacities[i].packets,
		.remembered = t->remembered[i],
		.held_slots = t->held[i],
		.expected_share = share(t->owned[i], all->slots),
		.packet_share = share(packets, all->packets),
		.flow_share = share(flows, all->flows),
		.effective_weight = health.weight,
		.factor = rebalances_factor(d, i),
		.healthy =
			!checked || health.state == HEALTH_UNKNOWN ? -1 : health.state == HEALTH_UP,
		.check_failures = health.failures,
		.asked = asked,
		.load = load.fresh ? load.load : -1,
		.load_failures = load.failures,
	};
}

static void add_check(void *context, const char *check, const struct check_counts *counts)
{
	struct metrics *m = context;

	m->checks[m->check_count++] =
		(struct metrics_check){ m->services[m->service_count - 1].name, check, counts };
}

static struct metrics_service service_of(const struct daemon *d, uint32_t service,
					 const struct service_tally *t)
{
	const struct skew *skew = skews_of(d->skews, service);
	enum skew_kind kind = skew ? skew_leading(skew) : SKEW_KIND_COUNT;
	const struct skew_finding *f = kind == SKEW_KIND_COUNT ? NULL : skew_finding(skew, kind);
	const struct rebalance *loop = rebalances_of(d, service);

	return (struct metrics_service){
		.name = d->dp->service_ids[service].name,
		.slots = t->slots,
		.unsettled = t->unsettled,
		.remembered = t->remembered,
		.mode = eligible_mode_name(health_mode(d, service)),
		.skew_kind = f ? skew_kind_name(kind) : NULL,
		.skew = f ? f->off : 0,
		.surprise = f ? f->surprise : 0,
		.rebalance = loop ? rebalance_state_name(rebalances_verdict(d, service)) : NULL,
		.load = loop ? rebalance_report(loop)->worst : 0,
	};
}

static void gather_service(struct metrics *m, const struct daemon *d, uint32_t service,
			   const struct tally *t)
{
	struct metrics_memory *memory = d->metrics;
	const struct config_service *s = service_config(d, service);
	size_t at = 0;

	m->services[m->service_count++] = service_of(d, service, &t->services[service]);
	health_counted(d, service, add_check, m);
	for (uint32_t k = t->first[service]; k < t->first[service + 1]; k++) {
		uint32_t i = t->order[k];

		memory->superseded[i] = is_superseded(memory, d->dp, t, i);
		if (!memory->superseded[i])
			m->backends[m->backend_count++] = backend_of(
				d, i, backend_config_next(s, &at, &d->dp->backend_ids[i]), t);
	}
}

static int gather_services(struct metrics *m, const struct daemon *d)
{
	_cleanup_(tally_release) struct tally t = {};

	m->services = calloc(EK_SERVICES_MAX, sizeof(*m->services));
	m->backends = calloc(d->metrics->backends, sizeof(*m->backends));
	m->checks = calloc((size_t)EK_SERVICES_MAX * (CHECK_TYPES + 1), sizeof(*m->checks));
	if (!m->services || !m->backends || !m->checks || tally_take(&t, d))
		return -ENOMEM;
	memory_forget(d->metrics, d->dp);
	for (uint32_t i = 0; i < EK_SERVICES_MAX; i++)
		if (d->dp->service_ids[i].name[0])
			gather_service(m, d, i, &t);
	return 0;
}

char *metrics_text(struct daemon *d, size_t *length)
{
	_cleanup_(exposition_release) struct exposition e = {};
	_cleanup_(gathered_release) struct metrics m = {};
	double begin = cpu_seconds();

	if (gather_services(&m, d) || gather_interfaces(&m, d))
		return NULL;
	gather_host(&m, d);
	m.gather_seconds = m.cpu_seconds - begin;
	families_write(&e, &m);
	exposition_raw(&e, "", 1);
	if (e.out_of_memory)
		return NULL;
	*length = e.length - 1;
	return take_ptr(e.text);
}

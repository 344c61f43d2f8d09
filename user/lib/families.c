// SPDX-License-Identifier: GPL-2.0
#include "lib/families.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/families_internal.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* A value of a family, from what it is about. */
#define ROW(kind, expression)                                                                      \
	static struct exposition_value kind(const struct METRICS_OF *from)                         \
	{                                                                                          \
		return expression;                                                                 \
	}

static struct exposition_value share(double s)
{
	return s < 0 ? (struct exposition_value){} : value_real(s);
}

static struct exposition_value capacity(uint32_t rate)
{
	return rate ? value_count(rate) : (struct exposition_value){};
}

static struct exposition_value time_or_none(int64_t s)
{
	return s > 0 ? value_count((uint64_t)s) : (struct exposition_value){};
}

/* ---- the controller and the data path as a whole --------------------------------------------- */

#define METRICS_OF metrics
ROW(host_started, time_or_none(from->started))
ROW(host_cpu, value_real(from->cpu_seconds))
ROW(host_resident, value_count(from->resident_bytes))
ROW(host_revision, value_count((uint64_t)from->revision))
ROW(host_revision_time, time_or_none(from->revision_time))
ROW(host_trouble, value_count(from->trouble))
ROW(host_settling, value_count(from->settling))
ROW(host_journal, value_count(from->journal_failures))
ROW(host_drifts, value_count(from->drifts))
ROW(host_alerts_lost, value_count(from->alerts_lost))
ROW(host_too_big, value_count(from->answered_too_big))
ROW(host_early, value_count(from->early_fragments))
ROW(host_stored, value_count(from->stored))
ROW(host_flows_max, value_count(from->flows_max))
ROW(host_lost_counted, value_count(from->lost_counted))
ROW(host_gather, value_real(from->gather_seconds))
#undef METRICS_OF

static const struct {
	const char *name;
	enum exposition_type type;
	const char *help;
	struct exposition_value (*value)(const struct metrics *from);
} host_families[] = {
	{ "process_start_time_seconds", EXPOSITION_GAUGE, "When evenkeeld started, unix time.",
	  host_started },
	{ "process_cpu_seconds_total", EXPOSITION_COUNTER, "CPU time that evenkeeld has used.",
	  host_cpu },
	{ "process_resident_memory_bytes", EXPOSITION_GAUGE,
	  "Memory that evenkeeld has resident, the maps that it has touched included.",
	  host_resident },
	{ "evenkeel_revision", EXPOSITION_GAUGE,
	  "Number of the revision in force; 0 before the first.", host_revision },
	{ "evenkeel_revision_timestamp_seconds", EXPOSITION_GAUGE,
	  "When the revision in force was proposed, unix time.", host_revision_time },
	{ "evenkeel_trouble", EXPOSITION_GAUGE,
	  "1 while the data path does not show the revision in force: evenkeel status says why.",
	  host_trouble },
	{ "evenkeel_settling", EXPOSITION_GAUGE,
	  "1 while slots are unsettled, flows are remembered or a backend is leaving.",
	  host_settling },
	{ "evenkeel_journal_failures_total", EXPOSITION_COUNTER,
	  "Events that could not be written to the journal.", host_journal },
	{ "evenkeel_drifts_total", EXPOSITION_COUNTER,
	  "Differences between the maps and what was written there, found and set right.",
	  host_drifts },
	{ "evenkeel_alerts_lost_total", EXPOSITION_COUNTER,
	  "Alerts that --alert-webhook could not be told.", host_alerts_lost },
	{ "evenkeel_too_big_answers_total", EXPOSITION_COUNTER,
	  "Packets answered with packet-too-big; of evenkeel_packets_total, verdict answered.",
	  host_too_big },
	{ "evenkeel_early_fragments_total", EXPOSITION_COUNTER,
	  "Fragments passed because the first one of their datagram had not come.", host_early },
	{ "evenkeel_stored_flows_total", EXPOSITION_COUNTER,
	  "Flows that were remembered during changes.", host_stored },
	{ "evenkeel_remembered_flows_max", EXPOSITION_GAUGE,
	  "How many flows can be remembered at once.", host_flows_max },
	{ "evenkeel_lost_packets_counted", EXPOSITION_GAUGE,
	  "1 if packets lost after the verdict are counted; 0: the kernel refuses, see doctor.",
	  host_lost_counted },
	{ "evenkeel_gather_seconds", EXPOSITION_GAUGE,
	  "CPU time that gathering these facts took, writing them left out.", host_gather },
};

static void host_write(struct exposition *e, const struct metrics *m)
{
	for (size_t i = 0; i < ARRAY_SIZE(host_families); i++) {
		exposition_family(e, host_families[i].name, host_families[i].type,
				  host_families[i].help);
		exposition_sample(e, host_families[i].name, "", host_families[i].value(m));
	}
}

static void info_write(struct exposition *e, const struct metrics *m)
{
	struct labels build = {}, revision = {};
	char number[24];

	exposition_family(e, "evenkeel_build_info", EXPOSITION_GAUGE,
			  "1; the version of evenkeeld and of its map layout.");
	snprintf(number, sizeof(number), "%u", m->abi);
	labels_add(&build, "version", m->version);
	exposition_sample(e, "evenkeel_build_info", labels_add(&build, "abi", number),
			  value_count(1));
	exposition_family(e, "evenkeel_revision_info", EXPOSITION_GAUGE,
			  "1; the number of the revision in force, and the hash of its content.");
	if (!m->revision)
		return;
	snprintf(number, sizeof(number), "%lld", (long long)m->revision);
	labels_add(&revision, "revision", number);
	exposition_sample(e, "evenkeel_revision_info",
			  labels_add(&revision, "hash", m->revision_hash), value_count(1));
}

static void one_labelled(struct exposition *e, const char *name, const char *label,
			 const char *value, uint64_t count)
{
	struct labels l = {};

	exposition_sample(e, name, labels_add(&l, label, value), value_count(count));
}

static void verdicts_write(struct exposition *e, const struct metrics *m)
{
	static const char *const reasons[] = {
#define DROP_NAME(id, name, text) name,
		EK_DROP_REASONS(DROP_NAME)
#undef DROP_NAME
	};
	const struct {
		const char *verdict;
		uint64_t count;
	} verdicts[] = {
		{ "passed", m->passed },         { "sent", m->sent },
		{ "redirected", m->redirected }, { "answered", m->answered },
		{ "returned", m->returned },
	};

	exposition_family(e, "evenkeel_packets_total", EXPOSITION_COUNTER,
			  "Packets by what became of them, but for those dropped.");
	for (size_t i = 0; i < ARRAY_SIZE(verdicts); i++)
		one_labelled(e, "evenkeel_packets_total", "verdict", verdicts[i].verdict,
			     verdicts[i].count);
	exposition_family(e, "evenkeel_dropped_packets_total", EXPOSITION_COUNTER,
			  "Packets for a service that were dropped, by reason.");
	for (size_t i = 0; i < EK_DROP_COUNT; i++)
		one_labelled(e, "evenkeel_dropped_packets_total", "reason", reasons[i],
			     m->dropped[i]);
}

static void alerts_write(struct exposition *e, const struct metrics *m)
{
	exposition_family(e, "evenkeel_alert_active", EXPOSITION_GAUGE,
			  "1; what evenkeeld itself has told and is not over.");
	for (size_t i = 0; m->alerts && i < m->alerts->count; i++) {
		const struct alert *x = &m->alerts->list[i];
		struct labels l = {};

		if (!x->told)
			continue;
		labels_add(&l, "kind", x->kind);
		labels_add(&l, "level", alert_level_name(x->level));
		labels_add(&l, "service", x->service);
		exposition_sample(e, "evenkeel_alert_active", labels_add(&l, "backend", x->backend),
				  value_count(1));
	}
}

/* ---- interfaces ------------------------------------------------------------------------------ */

static void lost_sample(struct exposition *e, const char *interface, const char *cause,
			uint64_t count)
{
	struct labels l = {};

	labels_add(&l, "interface", interface);
	exposition_sample(e, "evenkeel_lost_packets_total", labels_add(&l, "cause", cause),
			  value_count(count));
}

static void interfaces_write(struct exposition *e, const struct metrics *m)
{
	exposition_family(e, "evenkeel_interface_attached", EXPOSITION_GAUGE,
			  "1; an interface that carries the data path, and in which mode.");
	for (size_t i = 0; i < m->interface_count; i++) {
		struct labels l = {};

		if (!m->interfaces[i].mode)
			continue;
		labels_add(&l, "interface", m->interfaces[i].name);
		exposition_sample(e, "evenkeel_interface_attached",
				  labels_add(&l, "mode", m->interfaces[i].mode), value_count(1));
	}
	exposition_family(e, "evenkeel_lost_packets_total", EXPOSITION_COUNTER,
			  "Packets lost after the verdict, by egress: refused by the kernel, or "
			  "unsent by the driver.");
	for (size_t i = 0; m->lost_counted && i < m->interface_count; i++) {
		lost_sample(e, m->interfaces[i].name, "refused", m->interfaces[i].refused);
		lost_sample(e, m->interfaces[i].name, "unsent", m->interfaces[i].unsent);
	}
}

/* ---- services -------------------------------------------------------------------------------- */

#define METRICS_OF metrics_service
ROW(service_slots, value_count(from->slots))
ROW(service_unsettled, value_count(from->unsettled))
ROW(service_remembered, value_count(from->remembered))
/* As many standard deviations of a normal distribution are as rare. */
ROW(service_sigmas,
    from->surprise > 0 ? value_real(sqrt(2 * from->surprise)) : (struct exposition_value){})
ROW(service_load, from->load > 0 ? value_real(from->load) : (struct exposition_value){})
#undef METRICS_OF

static const struct {
	const char *name;
	enum exposition_type type;
	const char *help;
	struct exposition_value (*value)(const struct metrics_service *from);
} service_families[] = {
	{ "evenkeel_service_slots", EXPOSITION_GAUGE, "Slots of the service's table.",
	  service_slots },
	{ "evenkeel_service_unsettled_slots", EXPOSITION_GAUGE,
	  "Slots that may have older flows of another backend than their owner.",
	  service_unsettled },
	{ "evenkeel_service_remembered_flows", EXPOSITION_GAUGE,
	  "Flows remembered until their slots have settled.", service_remembered },
	{ "evenkeel_service_skew_sigmas", EXPOSITION_GAUGE,
	  "How unlikely the skew is by chance, in standard deviations; absent without a count.",
	  service_sigmas },
	{ "evenkeel_service_load_max_ratio", EXPOSITION_GAUGE,
	  "The largest load of a backend beside the even one, as rebalance measured it last.",
	  service_load },
};

/* A state as a label: 1, and only the one that it is in. */
static void state_sample(struct exposition *e, const char *name, const char *service,
			 const char *label, const char *state, double value)
{
	struct labels l = {};

	if (!state)
		return;
	labels_add(&l, "service", service);
	exposition_sample(e, name, labels_add(&l, label, state), value_real(value));
}

static void service_states_write(struct exposition *e, const struct metrics *m)
{
	exposition_family(
		e, "evenkeel_service_mode", EXPOSITION_GAUGE,
		"1; how the service's table was made: of those healthy, or in panic, ...");
	for (size_t i = 0; i < m->service_count; i++)
		state_sample(e, "evenkeel_service_mode", m->services[i].name, "mode",
			     m->services[i].mode, 1);
	exposition_family(e, "evenkeel_service_skew_ratio", EXPOSITION_GAUGE,
			  "How far the backend that is most off is from its share, relative to it; "
			  "absent while the spread is as it should be.");
	for (size_t i = 0; i < m->service_count; i++)
		state_sample(e, "evenkeel_service_skew_ratio", m->services[i].name, "kind",
			     m->services[i].skew_kind, m->services[i].skew);
	exposition_family(
		e, "evenkeel_service_rebalance_state", EXPOSITION_GAUGE,
		"1; what rebalance made of its last measurement; absent where it is off.");
	for (size_t i = 0; i < m->service_count; i++)
		state_sample(e, "evenkeel_service_rebalance_state", m->services[i].name, "state",
			     m->services[i].rebalance, 1);
}

static void services_write(struct exposition *e, const struct metrics *m)
{
	for (size_t f = 0; f < ARRAY_SIZE(service_families); f++) {
		exposition_family(e, service_families[f].name, service_families[f].type,
				  service_families[f].help);
		for (size_t i = 0; i < m->service_count; i++) {
			struct labels l = {};

			exposition_sample(e, service_families[f].name,
					  labels_add(&l, "service", m->services[i].name),
					  service_families[f].value(&m->services[i]));
		}
	}
}

/* ---- backends -------------------------------------------------------------------------------- */

#define METRICS_OF metrics_backend
ROW(backend_packets, value_count(from->packets))
ROW(backend_bytes, value_count(from->bytes))
ROW(backend_flows, value_count(from->flows))
ROW(backend_shed, value_count(from->shed))
ROW(backend_capacity_flows, capacity(from->capacity_flows))
ROW(backend_capacity_packets, capacity(from->capacity_packets))
ROW(backend_expected, share(from->expected_share))
ROW(backend_packet_share, share(from->packet_share))
ROW(backend_flow_share, share(from->flow_share))
ROW(backend_weight, from->configured ? value_count(from->weight) : (struct exposition_value){})
ROW(backend_effective, value_real(from->effective_weight))
ROW(backend_factor, value_real(from->factor))
ROW(backend_healthy, share(from->healthy))
ROW(backend_failures, value_count(from->check_failures))
ROW(backend_load, share(from->asked ? from->load : -1))
ROW(backend_load_failures,
    from->asked ? value_count(from->load_failures) : (struct exposition_value){})
ROW(backend_next_hop, value_count(from->next_hop))
ROW(backend_held, value_count(from->held_slots))
ROW(backend_remembered, value_count(from->remembered))
#undef METRICS_OF

static const struct {
	const char *name;
	enum exposition_type type;
	const char *help;
	struct exposition_value (*value)(const struct metrics_backend *from);
} backend_families[] = {
	{ "evenkeel_backend_packets_total", EXPOSITION_COUNTER, "Packets forwarded to the backend.",
	  backend_packets },
	{ "evenkeel_backend_bytes_total", EXPOSITION_COUNTER,
	  "Bytes forwarded to the backend, of IP packets as they came in.", backend_bytes },
	{ "evenkeel_backend_new_flows_total", EXPOSITION_COUNTER,
	  "New flows (TCP SYNs) forwarded to the backend.", backend_flows },
	{ "evenkeel_backend_shed_packets_total", EXPOSITION_COUNTER,
	  "Packets for the backend that were dropped, above its capacity: SYNs, Initials, plain UDP.",
	  backend_shed },
	{ "evenkeel_backend_capacity_new_flows", EXPOSITION_GAUGE,
	  "New flows per second that the backend has declared; absent where it has not.",
	  backend_capacity_flows },
	{ "evenkeel_backend_capacity_udp_packets", EXPOSITION_GAUGE,
	  "Packets of plain UDP per second that it has declared; absent where it has not.",
	  backend_capacity_packets },
	{ "evenkeel_backend_expected_share_ratio", EXPOSITION_GAUGE,
	  "Share of the service's slots that the backend owns, from the kernel's own table.",
	  backend_expected },
	{ "evenkeel_backend_packet_share_ratio", EXPOSITION_GAUGE,
	  "Share of the service's packets in the last 10 seconds; absent without any.",
	  backend_packet_share },
	{ "evenkeel_backend_flow_share_ratio", EXPOSITION_GAUGE,
	  "Share of the service's new flows in the last 10 seconds; absent without any.",
	  backend_flow_share },
	{ "evenkeel_backend_weight", EXPOSITION_GAUGE,
	  "Weight as configured; absent while the backend is leaving.", backend_weight },
	{ "evenkeel_backend_effective_weight", EXPOSITION_GAUGE,
	  "Weight in the table: what health, drain and rebalance leave of the configured one.",
	  backend_effective },
	{ "evenkeel_backend_weight_factor_ratio", EXPOSITION_GAUGE,
	  "What rebalance multiplies the backend's weight by; 1 where it does not.",
	  backend_factor },
	{ "evenkeel_backend_healthy", EXPOSITION_GAUGE,
	  "1 if its checks are up, 0 if it is down; absent where nothing is checked or known.",
	  backend_healthy },
	{ "evenkeel_backend_check_failures_total", EXPOSITION_COUNTER,
	  "Health checks of the backend that failed.", backend_failures },
	{ "evenkeel_backend_load", EXPOSITION_GAUGE,
	  "Load that the backend says it has, 0 to 100; absent where it is not asked, or does not.",
	  backend_load },
	{ "evenkeel_backend_load_failures_total", EXPOSITION_COUNTER,
	  "Requests for its load that brought no number; absent where it is not asked.",
	  backend_load_failures },
	{ "evenkeel_backend_next_hop", EXPOSITION_GAUGE,
	  "1 if packets can be sent to the backend; at 0 they are dropped as no_next_hop.",
	  backend_next_hop },
	{ "evenkeel_backend_held_slots", EXPOSITION_GAUGE,
	  "Unsettled slots whose older flows are the backend's.", backend_held },
	{ "evenkeel_backend_remembered_flows", EXPOSITION_GAUGE,
	  "Flows remembered for the backend.", backend_remembered },
};

/* `texts` + at[i]: the labels of backend i, without the state. */
static void states_write(struct exposition *e, const struct metrics *m, const char *texts,
			 const size_t *at)
{
	exposition_family(e, "evenkeel_backend_state", EXPOSITION_GAUGE,
			  "1; the state that the backend is in, as in evenkeel status.");
	for (size_t i = 0; i < m->backend_count; i++) {
		struct labels l = {};

		l.length = strlen(texts + at[i]);
		memcpy(l.text, texts + at[i], l.length);
		exposition_sample(e, "evenkeel_backend_state",
				  labels_add(&l, "state", m->backends[i].state), value_count(1));
	}
}

/* Labels are written once for all families: they cost more than the values. */
static void backends_write(struct exposition *e, const struct metrics *m)
{
	_cleanup_(exposition_release) struct exposition texts = {};
	_cleanup_(free_ptr) size_t *at = calloc(m->backend_count + 1, sizeof(*at));

	for (size_t i = 0; at && i < m->backend_count; i++) {
		struct labels l = {};

		labels_add(&l, "service", m->backends[i].service);
		labels_add(&l, "backend", m->backends[i].name);
		at[i] = texts.length;
		exposition_raw(&texts, l.text, l.length + 1);
	}
	if (!at || texts.out_of_memory) {
		e->out_of_memory = true;
		return;
	}
	for (size_t f = 0; f < ARRAY_SIZE(backend_families); f++) {
		exposition_family(e, backend_families[f].name, backend_families[f].type,
				  backend_families[f].help);
		for (size_t i = 0; i < m->backend_count; i++)
			exposition_sample(e, backend_families[f].name, texts.text + at[i],
					  backend_families[f].value(&m->backends[i]));
	}
	states_write(e, m, texts.text, at);
}

void families_write(struct exposition *e, const struct metrics *m)
{
	info_write(e, m);
	host_write(e, m);
	verdicts_write(e, m);
	alerts_write(e, m);
	interfaces_write(e, m);
	services_write(e, m);
	service_states_write(e, m);
	checks_write(e, m);
	backends_write(e, m);
}

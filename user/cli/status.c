// SPDX-License-Identifier: GPL-2.0
#include "cli/status.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/facts.h"
#include "cli/table.h"
#include "cli/units.h"
#include "evenkeel/drops.h"
#include "lib/cleanup.h"

#define BAR_WIDTH 10

/* Packets of a backend since `before`; a restarted counter counts from 0. */
static uint64_t packets_since(const json_t *backend, const json_t *before)
{
	uint64_t now = fact_count(backend, "packets");
	uint64_t then = fact_count(fact_named(before, fact_text(backend, "name")), "packets");

	return now >= then ? now - then : now;
}

static uint64_t packets_since_all(const json_t *backends, const json_t *before)
{
	const json_t *backend;
	uint64_t sum = 0;
	size_t i;

	json_array_foreach(backends, i, backend)
		sum += packets_since(backend, before);
	return sum;
}

/* Negative: there was no traffic. */
static double actual_share(const json_t *backend, const json_t *before, uint64_t all)
{
	if (!before)
		return fact_share(backend, "actual_share_packets");
	return all ? (double)packets_since(backend, before) / (double)all : -1;
}

/* What a full bar stands for: the largest share there is. */
static double largest_share(const json_t *backends, const json_t *before, uint64_t all)
{
	const json_t *backend;
	double largest = 0;
	size_t i;

	json_array_foreach(backends, i, backend) {
		double expected = fact_share(backend, "expected_share");
		double actual = actual_share(backend, before, all);

		largest = expected > largest ? expected : largest;
		largest = actual > largest ? actual : largest;
	}
	return largest;
}

static void backend_row(struct table *t, const json_t *backend, double actual, double full)
{
	double expected = fact_share(backend, "expected_share");
	const json_t *flows = json_object_get(json_object_get(backend, "shares_60s"), "flows");
	char a[UNITS_MAX], b[UNITS_MAX];

	table_add(t, "%s", fact_text(backend, "name"));
	table_add(t, "%s", fact_text(backend, "address"));
	table_add(t, "%s", fact_text(backend, "state"));
	table_add(t, "%s", units_share(expected, a));
	table_add(t, "%s", units_share(actual, a));
	table_add(t, "%s", units_share(fact_share(flows, "actual"), a));
	table_add(t, "%s", actual < 0 ? "" : units_bar(actual, expected, full, BAR_WIDTH, b));
	table_add(t, "%s", units_count(fact_count(backend, "packets"), a));
	table_add(t, "%s", units_bytes(fact_count(backend, "bytes"), a));
	table_add(t, "%s", units_count(fact_count(backend, "flows"), a));
}

/* Per second: "1000", "5000 UDP", or both. */
static void capacity_cells(struct table *t, const json_t *backend)
{
	const json_t *capacity = json_object_get(backend, "capacity");
	uint64_t flows = fact_count(capacity, "new_flows");
	uint64_t packets = fact_count(capacity, "udp_packets");
	char n[UNITS_MAX];

	if (flows && packets)
		table_add(t, "%" PRIu64 ", %" PRIu64 " UDP", flows, packets);
	else if (flows)
		table_add(t, "%" PRIu64, flows);
	else if (packets)
		table_add(t, "%" PRIu64 " UDP", packets);
	else
		table_add(t, "%s", "");
	table_add(t, "%s", units_count(fact_count(backend, "shed"), n));
}

/* Has any of them declared one, or has packets that were shed? */
static bool have_capacity(const json_t *backends)
{
	const json_t *backend;
	size_t i;

	json_array_foreach(backends, i, backend) {
		const json_t *capacity = json_object_get(backend, "capacity");

		if (fact_count(capacity, "new_flows") || fact_count(capacity, "udp_packets") ||
		    fact_count(backend, "shed"))
			return true;
	}
	return false;
}

/* Why a backend is in its state, and since when, where that is known. */
static void reason_print(FILE *out, const json_t *backend)
{
	const json_t *health = json_object_get(backend, "health");
	uint64_t since = fact_count(health, "since");
	char when[UNITS_MAX];

	if (!*fact_text(backend, "reason"))
		return;
	fprintf(out, "  %s: %s", fact_text(backend, "name"), fact_text(backend, "reason"));
	if (since && !strcmp(fact_text(backend, "state"), fact_text(health, "state")))
		fprintf(out, " (since %s)", units_time((int64_t)since, when));
	fputc('\n', out);
}

/* A hint, which checks have not confirmed, or not yet. */
static void suspect_print(FILE *out, const json_t *backend)
{
	const json_t *h = json_object_get(backend, "handshakes");
	double alone = fact_share(h, "alone");

	if (fact_true(h, "suspect"))
		fprintf(out,
			"  %s: %.0f of %.0f sampled SYNs were followed by nothing, more than its "
			"peers'\n",
			fact_text(backend, "name"), alone, alone + fact_share(h, "followed"));
}

/* Where the table is not simply made of those that are up. */
static void mode_print(FILE *out, const json_t *health)
{
	static const struct {
		const char *mode, *text;
	} modes[] = {
		{ "backup", "SPARES IN USE: too few backends are up, new flows go to the spares, "
			    "too" },
		{ "panic", "PANIC: too few backends are up, new flows go to all that ever were" },
		{ "kept", "NO BACKEND IS UP: new flows stay with those that had them last" },
		{ "nobody", "NO BACKEND IS ELIGIBLE: new flows are dropped" },
	};

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		if (!strcmp(modes[i].mode, fact_text(health, "mode")))
			fprintf(out, "  %s (%" PRIu64 " of %" PRIu64 " up)\n", modes[i].text,
				fact_count(health, "up"), fact_count(health, "count"));
}

static void backends_print(FILE *out, const json_t *backends, const json_t *before)
{
	static const struct column columns[] = {
		{ "NAME", false },  { "ADDRESS", false },  { "STATE", false }, { "EXPECT", true },
		{ "ACTUAL", true }, { "OF-NEW", true },    { "", false },      { "PACKETS", true },
		{ "BYTES", true },  { "NEW-FLOWS", true }, { "MOST/S", true }, { "SHED", true },
	};
	const size_t all_columns = sizeof(columns) / sizeof(columns[0]);
	bool capacity = have_capacity(backends);
	_cleanup_(table_release) struct table t = {
		.columns = columns,
		.width = capacity ? all_columns : all_columns - 2,
	};
	uint64_t all = packets_since_all(backends, before);
	double full = largest_share(backends, before, all);
	const json_t *backend;
	size_t i;

	json_array_foreach(backends, i, backend) {
		backend_row(&t, backend, actual_share(backend, before, all), full);
		if (capacity)
			capacity_cells(&t, backend);
	}
	table_print(&t, out, "  ");
	json_array_foreach(backends, i, backend) {
		reason_print(out, backend);
		suspect_print(out, backend);
	}
}

static void skew_print(FILE *out, const json_t *skew)
{
	char since[UNITS_MAX];

	if (json_is_object(skew))
		fprintf(out, "  SKEW, %s, since %s: %s\n", fact_text(skew, "kind"),
			units_time((int64_t)fact_count(skew, "since"), since),
			fact_text(skew, "text"));
}

/* "; weights web-1 x0.81, web-2 x1.10": in force, or with observe what they would be. */
#define FACTORS_MAX 6
static void factors_print(FILE *out, const json_t *backends)
{
	const json_t *backend;
	size_t i, shown = 0;

	json_array_foreach(backends, i, backend) {
		const json_t *advice = json_object_get(backend, "advised_factor");
		double factor = json_number_value(
			json_is_real(advice) ? advice : json_object_get(backend, "factor"));

		if (factor == 1 || shown > FACTORS_MAX)
			continue;
		if (shown++ == FACTORS_MAX)
			fputs(", ...", out);
		else
			fprintf(out, "%s %s x%.2f", shown == 1 ? "; weights" : ",",
				fact_text(backend, "name"), factor);
	}
}

static void rebalance_print(FILE *out, const json_t *rebalance, const json_t *backends)
{
	const char *held = fact_text(rebalance, "held_by");

	if (!json_is_object(rebalance))
		return;
	fprintf(out, "  rebalance %s: %s%s%s", fact_text(rebalance, "mode"),
		fact_text(rebalance, "text"), *held ? "; " : "", held);
	factors_print(out, backends);
	fputc('\n', out);
}

void status_service_print(FILE *out, const json_t *service, const json_t *before)
{
	_cleanup_(free_ptr) char *listeners =
		fact_join(json_object_get(service, "listeners"), ", ");
	uint64_t slots = fact_count(service, "slots"), unsettled = fact_count(service, "unsettled");
	uint64_t remembered = fact_count(service, "flows_remembered");

	fprintf(out, "%s  %s\n", fact_text(service, "name"), listeners ? listeners : "");
	fprintf(out, "  forward %s, hash %s, %" PRIu64 " slots, ", fact_text(service, "forward"),
		fact_text(service, "hash"), slots);
	if (unsettled || remembered)
		fprintf(out, "%" PRIu64 " unsettled, %" PRIu64 " flows remembered\n", unsettled,
			remembered);
	else
		fputs("all settled\n", out);
	mode_print(out, json_object_get(service, "health"));
	skew_print(out, json_object_get(service, "skew"));
	rebalance_print(out, json_object_get(service, "rebalance"),
			json_object_get(service, "backends"));
	backends_print(out, json_object_get(service, "backends"),
		       json_object_get(before, "backends"));
}

static void interfaces_print(FILE *out, const json_t *interfaces)
{
	const json_t *interface;
	size_t i;

	if (!json_array_size(interfaces))
		fputs("attached to no interface: evenkeel attach IF\n", out);
	json_array_foreach(interfaces, i, interface) {
		fprintf(out, "%s: %s mode", fact_text(interface, "name"),
			fact_text(interface, "mode"));
		if (json_is_integer(json_object_get(interface, "ifindex")) &&
		    !fact_count(interface, "ifindex"))
			fputs(", the interface is gone", out);
		else if (json_is_false(json_object_get(interface, "confirmed")))
			fprintf(out,
				", detaches in %" PRIu64 " s unless you type: evenkeel confirm",
				fact_count(interface, "confirm_within_s"));
		fputc('\n', out);
	}
}

static void alerts_print(FILE *out, const json_t *alerts)
{
	const json_t *alert;
	char when[UNITS_MAX];
	size_t i;

	json_array_foreach(alerts, i, alert) {
		const char *service = fact_text(alert, "service");
		const char *backend = fact_text(alert, "backend");

		fprintf(out, "ALERT since %s: %s%s%s%s%s: %s\n",
			units_time((int64_t)fact_count(alert, "since"), when),
			fact_text(alert, "kind"), *service ? " " : "", service, *backend ? "/" : "",
			backend, fact_text(alert, "text"));
	}
}

static void head_print(FILE *out, const json_t *status)
{
	char when[UNITS_MAX];

	fprintf(out, "evenkeeld %" PRIu64 ", ", fact_count(status, "pid"));
	if (fact_count(status, "revision"))
		fprintf(out, "revision %" PRIu64 " of %s by %s\n", fact_count(status, "revision"),
			units_time((int64_t)fact_count(status, "revision_time"), when),
			fact_text(status, "revision_user"));
	else
		fputs("no configuration yet: evenkeel apply FILE\n", out);
	if (*fact_text(status, "trouble"))
		fprintf(out, "TROUBLE: %s\n", fact_text(status, "trouble"));
}

static const char *drop_meaning(const char *name)
{
#define DROP_MEANING(id, reason, text) { reason, text },
	static const struct {
		const char *name, *text;
	} reasons[] = { EK_DROP_REASONS(DROP_MEANING) };
#undef DROP_MEANING

	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (!strcmp(reasons[i].name, name))
			return reasons[i].text;
	return "unknown to this version of the command";
}

static void drops_print(FILE *out, const json_t *dropped)
{
	const char *name;
	json_t *packets;
	char n[UNITS_MAX];

	/* An unsafe cast in jansson's own macro: it wants a json_t it does not change. */
	json_object_foreach((json_t *)dropped, name, packets)
		if (json_integer_value(packets) > 0)
			fprintf(out, "dropped %s %s: %s\n",
				units_count((uint64_t)json_integer_value(packets), n), name,
				drop_meaning(name));
}

static void lost_print(FILE *out, const json_t *status)
{
	const json_t *lost = json_object_get(status, "lost"), *egress;
	char n[UNITS_MAX], refused[UNITS_MAX], unsent[UNITS_MAX];
	size_t i;

	json_array_foreach(lost, i, egress) {
		uint64_t no = fact_count(egress, "refused"), late = fact_count(egress, "unsent");
		const char *name = fact_text(egress, "name");

		fprintf(out,
			"lost %s after the verdict, to %s: the kernel refused %s, the driver did "
			"not take %s; see evenkeel doctor\n",
			units_count(no + late, n), *name ? name : "an interface that is gone",
			units_count(no, refused), units_count(late, unsent));
	}
	if (json_is_null(lost))
		fputs("frames lost after the verdict are not counted: see evenkeel doctor\n", out);
}

/* A change under way, and what it waits for. */
static void change_print(FILE *out, const json_t *change)
{
	const char *phase = fact_text(change, "phase");

	if (!json_is_object(change))
		return;
	fprintf(out, "revision %" PRIu64 " by %s (%s) is %s: ", fact_count(change, "revision"),
		fact_text(change, "user"), fact_text(change, "command"),
		!strcmp(phase, "staging") ? "being staged"
		: !strcmp(phase, "held")  ? "HELD"
					  : "watched");
	if (!strcmp(phase, "staging"))
		fprintf(out,
			"%.1f %% of the slots that it moves, step %" PRIu64 " of %" PRIu64 "\n",
			100 * fact_share(change, "moved"), fact_count(change, "step"),
			fact_count(change, "steps"));
	else if (!strcmp(phase, "held"))
		fprintf(out, "%s; evenkeel confirm keeps it, evenkeel rollback undoes it\n",
			fact_text(change, "reason"));
	else if (fact_count(change, "confirm_within_s"))
		fprintf(out, "rolled back in %" PRIu64 " s unless evenkeel confirm comes\n",
			fact_count(change, "confirm_within_s"));
	else
		fprintf(out, "known good in %" PRIu64 " s\n", fact_count(change, "watch_s"));
}

void status_print(FILE *out, const json_t *status, const json_t *before)
{
	const json_t *service, *services_before = json_object_get(before, "services");
	char passed[UNITS_MAX], sent[UNITS_MAX], redirected[UNITS_MAX], answered[UNITS_MAX];
	size_t i;

	head_print(out, status);
	change_print(out, json_object_get(status, "change"));
	if (fact_count(status, "proposals"))
		fprintf(out, "changes that wait for approvals: %" PRIu64 " (evenkeel proposals)\n",
			fact_count(status, "proposals"));
	alerts_print(out, json_object_get(status, "alerts"));
	interfaces_print(out, json_object_get(status, "interfaces"));
	json_array_foreach(json_object_get(status, "services"), i, service) {
		fputc('\n', out);
		status_service_print(out, service,
				     fact_named(services_before, fact_text(service, "name")));
	}
	fprintf(out, "\npackets: %s sent, %s redirected, %s answered, %s passed to the host\n",
		units_count(fact_count(status, "sent"), sent),
		units_count(fact_count(status, "redirected"), redirected),
		units_count(fact_count(status, "answered"), answered),
		units_count(fact_count(status, "passed"), passed));
	if (fact_count(status, "early_fragments"))
		fprintf(out, "passed before their first fragment came: %s fragments\n",
			units_count(fact_count(status, "early_fragments"), passed));
	if (fact_count(status, "returned"))
		fprintf(out, "answers of nat backends: %s\n",
			units_count(fact_count(status, "returned"), passed));
	drops_print(out, json_object_get(status, "dropped"));
	lost_print(out, status);
}

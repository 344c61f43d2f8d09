// SPDX-License-Identifier: GPL-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/cleanup.h"
#include "lib/families.h"

/* What there is to say at least once of everything. */
static struct metrics_service services[] = {
	{ .name = "web",
	  .slots = 65536,
	  .unsettled = 3,
	  .mode = "panic",
	  .skew_kind = "unexplained",
	  .skew = 0.5,
	  .surprise = 32,
	  .rebalance = "held",
	  .load = 1.25 },
	{ .name = "dns", .mode = "healthy" },
};
static struct check_counts counts = { .failed = 3 };
static struct metrics_check checks[] = { { "web", "tcp via tunnel", &counts } };
static struct metrics_backend backends[] = {
	{ .service = "web",
	  .name = "web-1",
	  .state = "up",
	  .next_hop = true,
	  .configured = true,
	  .weight = 100,
	  .packets = 7,
	  .shed = 12,
	  .capacity_flows = 1000,
	  .asked = true,
	  .load = 37.5,
	  .load_failures = 2,
	  .expected_share = 0.5,
	  .packet_share = -1,
	  .flow_share = 0.25 },
	{ .service = "web", .name = "web-2", .state = "leaving", .packets = 9 },
};
static struct metrics_interface interfaces[] = {
	{ .name = "eth\"0", .mode = "driver", .unsent = 4 },
	{ .name = "eth1" },
};
static struct metrics whole(void)
{
	return (struct metrics){
		.version = "1.0",
		.revision = 41,
		.revision_time = 1700000000,
		.revision_hash = "abc",
		.lost_counted = true,
		.services = services,
		.service_count = 2,
		.checks = checks,
		.check_count = 1,
		.backends = backends,
		.backend_count = 2,
		.interfaces = interfaces,
		.interface_count = 2,
	};
}

static char *text_of(const struct metrics *m)
{
	struct exposition e = {};

	families_write(&e, m);
	exposition_raw(&e, "", 1);
	assert_false(e.out_of_memory);
	return e.text;
}

static bool has_line(const char *text, const char *line)
{
	size_t length = strlen(line);

	for (const char *at = text; (at = strstr(at, line)); at += length)
		if ((at == text || at[-1] == '\n') && at[length] == '\n')
			return true;
	return false;
}

static size_t occurrences(const char *text, const char *what)
{
	size_t n = 0;

	for (const char *at = text; (at = strstr(at, what)); at++)
		n++;
	return n;
}

/* By the rules that promtool has, and some of ours. Samples follow the head of their family. */
static void each_family_has_help_and_type_once_before_its_samples(void **state)
{
	struct metrics m = whole();
	_cleanup_(free_ptr) char *text = text_of(&m);
	char family[128] = "", type[16] = "", head[160], *save = NULL;
	_cleanup_(free_ptr) char *copy = strdup(text);
	size_t families = 0;

	for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		size_t length = strcspn(line, "{ ");

		if (sscanf(line, "# HELP %127s", family) == 1) {
			snprintf(head, sizeof(head), "# HELP %s ", family);
			assert_int_equal(occurrences(text, head), 1);
			assert_int_equal(line[strlen(line) - 1], '.');
			assert_null(strchr(line, '\\'));
			line = strtok_r(NULL, "\n", &save);
			snprintf(head, sizeof(head), "# TYPE %s %%15s", family);
			assert_int_equal(sscanf(line, head, type), 1);
			assert_true(!strcmp(type, "counter") ==
				    (strlen(family) > 6 &&
				     !strcmp(family + strlen(family) - 6, "_total")));
			assert_true(!strncmp(family, "evenkeel_", 9) ||
				    !strncmp(family, "process_", 8));
			families++;
			continue;
		}
		assert_memory_equal(line, family, strlen(family));
		assert_true(length == strlen(family) || !strcmp(type, "histogram"));
	}
	assert_int_equal(families, occurrences(text, "# TYPE "));
	assert_true(families > 30);
}

static void no_series_is_there_twice(void **state)
{
	struct metrics m = whole();
	_cleanup_(free_ptr) char *text = text_of(&m), *copy = strdup(text);
	char *save = NULL;

	for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char series[512];

		snprintf(series, sizeof(series), "\n%.*s ", (int)(strrchr(line, ' ') - line), line);
		if (line[0] != '#')
			assert_true(occurrences(text, series) <= 1);
	}
}

static void facts_become_samples(void **state)
{
	struct metrics m = whole();
	_cleanup_(free_ptr) char *text = NULL;

	m.dropped[EK_DROP_NO_NEXT_HOP] = 12;
	text = text_of(&m);
	assert_true(has_line(text, "evenkeel_build_info{version=\"1.0\",abi=\"0\"} 1"));
	assert_true(has_line(text, "evenkeel_revision_info{revision=\"41\",hash=\"abc\"} 1"));
	assert_true(has_line(text, "evenkeel_revision_timestamp_seconds 1700000000"));
	assert_true(has_line(text, "evenkeel_dropped_packets_total{reason=\"no_next_hop\"} 12"));
	assert_true(has_line(text, "evenkeel_service_unsettled_slots{service=\"web\"} 3"));
	assert_true(has_line(
		text, "evenkeel_backend_packets_total{service=\"web\",backend=\"web-1\"} 7"));
	assert_true(has_line(
		text, "evenkeel_backend_packets_total{service=\"web\",backend=\"web-2\"} 9"));
	assert_true(has_line(
		text,
		"evenkeel_backend_state{service=\"web\",backend=\"web-2\",state=\"leaving\"} 1"));
	assert_true(has_line(
		text, "evenkeel_lost_packets_total{interface=\"eth\\\"0\",cause=\"unsent\"} 4"));
	assert_true(has_line(
		text, "evenkeel_lost_packets_total{interface=\"eth1\",cause=\"refused\"} 0"));
	assert_int_equal(occurrences(text, "evenkeel_interface_attached{"), 1);
}

static void a_histogram_counts_up(void **state)
{
	struct metrics m = whole();
	_cleanup_(free_ptr) char *text = NULL;

	counts.latency = (struct latency){};
	latency_add(&counts.latency, 250);
	latency_add(&counts.latency, 251);
	latency_add(&counts.latency, 3000000);
	text = text_of(&m);
#define CHECK "{service=\"web\",check=\"tcp via tunnel\""
	assert_true(has_line(text, "# TYPE evenkeel_check_seconds histogram"));
	assert_true(has_line(text, "evenkeel_check_seconds_bucket" CHECK ",le=\"0.00025\"} 1"));
	assert_true(has_line(text, "evenkeel_check_seconds_bucket" CHECK ",le=\"0.0005\"} 2"));
	assert_true(has_line(text, "evenkeel_check_seconds_bucket" CHECK ",le=\"1\"} 2"));
	assert_true(has_line(text, "evenkeel_check_seconds_bucket" CHECK ",le=\"+Inf\"} 3"));
	assert_true(has_line(text, "evenkeel_check_seconds_count" CHECK "} 3"));
	assert_true(has_line(text, "evenkeel_check_seconds_sum" CHECK "} 3.000501"));
	assert_true(has_line(text, "evenkeel_check_results_total" CHECK ",outcome=\"passed\"} 3"));
	assert_true(has_line(text, "evenkeel_check_results_total" CHECK ",outcome=\"failed\"} 3"));
#undef CHECK
}

static void what_is_not_wrong_has_no_series(void **state)
{
	struct metrics m = whole();
	_cleanup_(free_ptr) char *text = text_of(&m);

	assert_true(has_line(
		text, "evenkeel_service_skew_ratio{service=\"web\",kind=\"unexplained\"} 0.5"));
	assert_true(has_line(text, "evenkeel_service_skew_sigmas{service=\"web\"} 8"));
	assert_true(has_line(text,
			     "evenkeel_service_rebalance_state{service=\"web\",state=\"held\"} 1"));
	assert_true(has_line(text, "evenkeel_service_load_max_ratio{service=\"web\"} 1.25"));
	assert_true(has_line(text, "evenkeel_service_mode{service=\"dns\",mode=\"healthy\"} 1"));
	assert_int_equal(occurrences(text, "service=\"dns\""), 4);
}

static void alerts_are_there_while_they_are_told(void **state)
{
	static const struct alerts alerts = {
		.list = { { .kind = "no_next_hop",
			    .level = ALERT_CRITICAL,
			    .service = "web",
			    .backend = "web-1",
			    .told = true },
			  { .kind = "unsettled" } },
		.count = 2,
	};
	struct metrics m = whole();
	_cleanup_(free_ptr) char *text = NULL;

	m.alerts = &alerts;
	text = text_of(&m);
	assert_int_equal(occurrences(text, "evenkeel_alert_active{"), 1);
	assert_true(has_line(text, "evenkeel_alert_active{kind=\"no_next_hop\",level=\"critical\","
				   "service=\"web\",backend=\"web-1\"} 1"));
}

static void every_drop_reason_is_there_from_the_beginning(void **state)
{
	struct metrics m = whole();
	_cleanup_(free_ptr) char *text = text_of(&m);

#define REASON_THERE(id, name, meaning)                                                            \
	assert_true(has_line(text, "evenkeel_dropped_packets_total{reason=\"" name "\"} 0"));
	EK_DROP_REASONS(REASON_THERE)
#undef REASON_THERE
}

static void what_is_not_known_is_absent_and_not_0(void **state)
{
	struct metrics m = whole();
	_cleanup_(free_ptr) char *text = NULL;

	m.revision = m.revision_time = 0;
	m.lost_counted = false;
	text = text_of(&m);
	assert_null(strstr(text, "evenkeel_revision_info{"));
	assert_null(strstr(text, "evenkeel_revision_timestamp_seconds 0"));
	assert_null(strstr(text, "evenkeel_lost_packets_total{"));
	assert_null(strstr(
		text, "evenkeel_backend_packet_share_ratio{service=\"web\",backend=\"web-1\""));
	assert_non_null(strstr(
		text, "evenkeel_backend_flow_share_ratio{service=\"web\",backend=\"web-1\"} 0.25"));
	assert_null(strstr(text, "evenkeel_backend_weight{service=\"web\",backend=\"web-2\""));
	assert_true(has_line(
		text, "evenkeel_backend_shed_packets_total{service=\"web\",backend=\"web-1\"} 12"));
	assert_true(has_line(
		text,
		"evenkeel_backend_capacity_new_flows{service=\"web\",backend=\"web-1\"} 1000"));
	assert_int_equal(occurrences(text, "evenkeel_backend_capacity_new_flows{"), 1);
	assert_int_equal(occurrences(text, "evenkeel_backend_capacity_udp_packets{"), 0);
	assert_true(has_line(text, "evenkeel_revision 0"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_family_has_help_and_type_once_before_its_samples),
		cmocka_unit_test(no_series_is_there_twice),
		cmocka_unit_test(facts_become_samples),
		cmocka_unit_test(a_histogram_counts_up),
		cmocka_unit_test(what_is_not_wrong_has_no_series),
		cmocka_unit_test(alerts_are_there_while_they_are_told),
		cmocka_unit_test(every_drop_reason_is_there_from_the_beginning),
		cmocka_unit_test(what_is_not_known_is_absent_and_not_0),
	};

	return cmocka_run_group_tests_name("families", tests, NULL, NULL);
}

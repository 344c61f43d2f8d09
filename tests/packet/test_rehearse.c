// SPDX-License-Identifier: GPL-2.0
/* Rehearsal: a change runs in a second instance first, and what is wrong with it is found there. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "dp/rehearse.h"
#include "fixture.h"
#include "sandbox.h"

#define SERVICES_OF(forward, more)                                                                 \
	"services:\n"                                                                              \
	"  web:\n"                                                                                 \
	"    listen: [\"192.0.2.1:80/tcp\", \"192.0.2.1:80/udp\"]\n"                               \
	"    forward: " forward "\n"                                                               \
	"    backends:\n"                                                                          \
	"      web-1: { address: 10.0.0.1" more " }\n"                                             \
	"      web-2: { address: 10.0.0.2, weight: 50" more " }\n"                                 \
	"      web-3: { address: 10.0.0.3" more " }\n"
#define SERVICES(forward) SERVICES_OF(forward, "")

static const char *const in_force = SERVICES("ipip");

static const char *const candidate =
	"services:\n"
	"  web:\n"
	"    listen: [\"192.0.2.1:80/tcp\", \"[2001:db8:1::1]:80/tcp\"]\n"
	"    forward: ipip\n"
	"    backends:\n"
	"      web-1: { address: 10.0.0.1 }\n"
	"      web-3: { address: 10.0.0.3, weight: 300 }\n"
	"      web-4: { address: 10.0.0.4 }\n"
	"  api:\n"
	"    listen: [\"192.0.2.9:443/tcp\"]\n"
	"    forward: ipip\n"
	"    hash: source\n"
	"    backends:\n"
	"      api-1: { address: \"2001:db8:2::1\" }\n"
	"      api-2: { address: 10.0.0.9 }\n";

/* As fixture_paths() sets them. */
static bool hop_of(void *context, uint32_t backend, struct path_hop *out)
{
	const struct fixture *x = context;

	*out = addr_is_ipv4(&x->dp->backend_ids[backend].addr) ? x->hop4 : x->hop6;
	out->dest_mac[4] = (uint8_t)(backend >> 8);
	out->dest_mac[5] = (uint8_t)backend;
	return true;
}

/* A change, rehearsed. */
struct rehearsal {
	struct fixture x;
	struct config *config;
	struct dp *second;
	struct dp_rehearsal ask;
	struct dp_rehearsed result;
	char error[DP_ERROR_MAX];
};

static void begin(struct rehearsal *r, const char *from, const char *to)
{
	*r = (struct rehearsal){};
	fixture_open(&r->x, from);
	r->config = fixture_parse(to);
	if (dp_reserve(r->x.dp, r->config, r->x.now_s, r->error))
		fail_msg("%s", r->error);
	fixture_paths(&r->x);
	if (dp_rehearse_open(&r->second, r->x.dp, r->config, r->x.now_s, r->error))
		fail_msg("%s", r->error);
	r->ask = (struct dp_rehearsal){
		.config = r->config, .hop_of = hop_of, .context = &r->x, .seed = 7, .packets = 4096
	};
}

static void end(struct rehearsal *r)
{
	dp_close(r->second);
	config_free(r->config);
	fixture_close(&r->x);
}

static int rehearse(struct rehearsal *r)
{
	return dp_rehearse(r->second, &r->ask, &r->result, r->error);
}

static void assert_found(struct rehearsal *r, const char *text)
{
	assert_int_equal(rehearse(r), -EBADMSG);
	if (!strstr(r->error, text))
		fail_msg("'%s' does not say '%s'", r->error, text);
	end(r);
}

static uint64_t *a_slot(struct rehearsal *r, const char *service, uint32_t slot)
{
	int index = dp_service_index(r->second, service);

	return &r->second->slots[ek_table_base(r->second->services[index].table) + slot];
}

static struct ek_path *path_to(struct rehearsal *r, const char *address)
{
	struct ek_addr addr;
	const char *why;

	assert_int_equal(addr_parse(&addr, address, &why), 0);
	for (uint32_t i = 1; i < r->second->sizes.backends; i++)
		if (addr_equal(&r->second->backend_ids[i].addr, &addr))
			return &r->second->backends[i].path[0];
	fail_msg("%s has no path", address);
	return NULL;
}

static void a_sound_change_comes_out_as_planned(void **state)
{
	struct rehearsal r;

	begin(&r, in_force, candidate);
	if (rehearse(&r))
		fail_msg("%s", r.error);
	assert_int_equal(r.result.services, 2);
	assert_int_equal(r.result.slots, 2 * EK_TABLE_SLOTS_MIN);
	assert_int_equal(r.result.packets, 2 * (3 + 2) + 2 * (2 + 1));
	assert_int_equal(r.result.unready, 0);
	end(&r);
}

static void every_forwarding_mode_is_rehearsed(void **state)
{
	static const char *const modes[] = { SERVICES("l2"), SERVICES("gue"),
					     SERVICES("gue\n    gue: { variant: 0 }"),
					     SERVICES("nat") };

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		struct rehearsal r;

		begin(&r, in_force, modes[i]);
		if (rehearse(&r))
			fail_msg("mode %zu: %s", i, r.error);
		assert_int_equal(r.result.packets, 2 * (3 + 2));
		end(&r);
	}
}

static void what_is_in_force_is_not_touched(void **state)
{
	struct rehearsal r;
	struct fixture y;
	struct ek_verdicts v;

	fixture_open(&y, in_force);
	begin(&r, in_force, candidate);
	assert_int_equal(rehearse(&r), 0);
	assert_memory_equal(r.x.dp->slots, y.dp->slots, y.dp->sizes.slots * sizeof(uint64_t));
	assert_memory_equal(r.x.dp->services, y.dp->services,
			    EK_SERVICES_MAX * sizeof(*y.dp->services));
	assert_memory_equal(r.x.dp->global, y.dp->global, sizeof(*y.dp->global));
	dp_verdicts(r.x.dp, &v);
	assert_int_equal(v.sent + v.redirected + v.stored, 0);
	fixture_close(&y);
	end(&r);
}

static bool no_hop(void *context, uint32_t backend, struct path_hop *out)
{
	return false;
}

static void who_has_no_next_hop_is_expected_to_lose_its_packets(void **state)
{
	struct rehearsal r;

	begin(&r, in_force, candidate);
	r.ask.hop_of = no_hop;
	for (uint32_t i = 1; i < r.second->sizes.backends; i++)
		r.second->backends[i].path[0].flags &= (uint8_t)~EK_PATH_NEXT_HOP;
	if (rehearse(&r))
		fail_msg("%s", r.error);
	assert_int_equal(r.result.packets, 0);
	assert_int_equal(r.result.unready, 2 * (3 + 2) + 2 * (2 + 1));
	end(&r);
}

static void what_declares_a_capacity_sheds_nothing_in_a_rehearsal(void **state)
{
	struct rehearsal r;

	begin(&r, in_force, SERVICES_OF("ipip", ", capacity: { new_flows: 1, udp_packets: 100 }"));
	if (rehearse(&r))
		fail_msg("%s", r.error);
	assert_int_equal(r.result.packets, 2 * (3 + 2));
	end(&r);
}

/* ---- faults, each alone ---------------------------------------------------------------------- */

static void a_wrong_slot_is_found(void **state)
{
	struct rehearsal r;
	uint64_t *slot;

	begin(&r, in_force, candidate);
	slot = a_slot(&r, "web", 4711);
	*slot = ek_slot_word(ek_slot_cur(*slot) == 1 ? 3 : 1, 0, 0, 0);
	assert_found(&r,
		     "service web: 1 of 16384 slots are not as planned; the first is slot 4711");
}

static void a_wrong_base_is_found(void **state)
{
	struct rehearsal r;
	int service;

	begin(&r, in_force, candidate);
	service = dp_service_index(r.second, "api");
	r.second->services[service].table++;
	assert_found(&r, "slots are not as planned");
}

static void a_wrong_outer_destination_is_found(void **state)
{
	struct rehearsal r;

	begin(&r, in_force, candidate);
	path_to(&r, "10.0.0.4")->header[33] ^= 0x10;
	assert_found(&r, "is to go to web-4, but the outer destination is 10.0.0.20, not 10.0.0.4");
}

static void a_wrong_neighbour_is_found(void **state)
{
	struct rehearsal r;

	begin(&r, in_force, candidate);
	path_to(&r, "2001:db8:2::1")->header[3] ^= 1;
	assert_found(&r, "is to go to api-1, but the frame goes to 02:0b:00:01");
}

static void a_wrong_outer_checksum_is_found(void **state)
{
	struct rehearsal r;

	begin(&r, in_force, candidate);
	path_to(&r, "10.0.0.3")->csum ^= 0x0101;
	assert_found(&r, "a length or a checksum of the outer headers is wrong");
}

static void a_wrong_egress_is_found(void **state)
{
	struct rehearsal r;

	begin(&r, in_force, candidate);
	path_to(&r, "10.0.0.1")->egress = 99;
	assert_found(&r, "is to go to web-1, but it was dropped");
}

static void a_wrong_listener_is_found(void **state)
{
	struct rehearsal r;

	begin(&r, in_force, candidate);
	for (size_t i = 0; i < 2 * EK_DIRECTORY_ENTRIES; i++)
		if (r.second->directory[i].port == htons(443))
			r.second->directory[i].port = htons(444);
	assert_found(&r, "it was taken for nobody's and passed");
}

static void listeners_exchanged_are_found(void **state)
{
	struct rehearsal r;

	begin(&r, in_force, candidate);
	for (size_t i = 0; i < 2 * EK_DIRECTORY_ENTRIES; i++)
		if (r.second->directory[i].port == htons(443))
			r.second->directory[i].service =
				(uint16_t)dp_service_index(r.second, "web");
	assert_found(&r, "service api: ");
}

static void a_wrong_hash_key_is_found(void **state)
{
	struct rehearsal r;

	begin(&r, in_force, candidate);
	r.second->global->key.words[0] ^= 1;
	assert_found(&r, "is to go to ");
}

static void a_packet_that_is_counted_elsewhere_is_found(void **state)
{
	struct rehearsal r;
	struct dp_rehearsal all;

	begin(&r, in_force, candidate);
	all = r.ask;
	/* The weights that the plan is made with are not those of the table. */
	dp_backend_down(r.second,
			dp_backend_index(r.second, 0, &r.config->services[0].backends[1].addr, 0),
			r.x.now_s);
	assert_int_equal(dp_rehearse(r.second, &all, &r.result, r.error), -EBADMSG);
	end(&r);
}

/* ---- in force -------------------------------------------------------------------------------- */

static int look_at_live(struct rehearsal *r)
{
	r->ask.live = true;
	return dp_rehearse(r->x.dp, &r->ask, &r->result, r->error);
}

static void install(struct rehearsal *r)
{
	struct dp_install_result done;

	if (dp_install(r->x.dp, r->config, r->x.now_s, &done, r->error))
		fail_msg("%s", r->error);
	fixture_paths(&r->x);
}

static void what_is_in_force_is_looked_at_without_a_trace(void **state)
{
	struct rehearsal r;
	struct ek_verdicts v;
	uint64_t *before;
	size_t bytes;

	begin(&r, in_force, candidate);
	install(&r);
	bytes = r.x.dp->sizes.slots * sizeof(uint64_t);
	before = malloc(bytes);
	assert_non_null(before);
	memcpy(before, r.x.dp->slots, bytes);
	if (look_at_live(&r))
		fail_msg("%s", r.error);
	assert_true(r.result.packets > 0);
	assert_memory_equal(before, r.x.dp->slots, bytes);
	dp_verdicts(r.x.dp, &v);
	assert_int_equal(v.stored, 0);
	assert_int_equal(v.sent, r.result.packets);
	free(before);
	end(&r);
}

static void a_fault_in_what_is_in_force_is_found(void **state)
{
	struct rehearsal r;

	begin(&r, in_force, candidate);
	install(&r);
	r.x.dp->slots[ek_table_base(r.x.dp->services[dp_service_index(r.x.dp, "api")].table)] = 0;
	assert_int_equal(look_at_live(&r), -EBADMSG);
	assert_non_null(strstr(r.error, "service api: 1 of 16384 slots"));
	end(&r);
}

static int setup(void **state)
{
	return sandbox_enter();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sound_change_comes_out_as_planned),
		cmocka_unit_test(every_forwarding_mode_is_rehearsed),
		cmocka_unit_test(what_is_in_force_is_not_touched),
		cmocka_unit_test(who_has_no_next_hop_is_expected_to_lose_its_packets),
		cmocka_unit_test(what_declares_a_capacity_sheds_nothing_in_a_rehearsal),
		cmocka_unit_test(a_wrong_slot_is_found),
		cmocka_unit_test(a_wrong_base_is_found),
		cmocka_unit_test(a_wrong_outer_destination_is_found),
		cmocka_unit_test(a_wrong_neighbour_is_found),
		cmocka_unit_test(a_wrong_outer_checksum_is_found),
		cmocka_unit_test(a_wrong_egress_is_found),
		cmocka_unit_test(a_wrong_listener_is_found),
		cmocka_unit_test(listeners_exchanged_are_found),
		cmocka_unit_test(a_wrong_hash_key_is_found),
		cmocka_unit_test(a_packet_that_is_counted_elsewhere_is_found),
		cmocka_unit_test(what_is_in_force_is_looked_at_without_a_trace),
		cmocka_unit_test(a_fault_in_what_is_in_force_is_found),
	};

	return cmocka_run_group_tests(tests, setup, sandbox_leave);
}

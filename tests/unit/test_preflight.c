// SPDX-License-Identifier: GPL-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/preflight.h"

/* A server's NIC as it should be. */
static struct link_facts good_nic(void)
{
	struct link_facts l = {
		.ifindex = 3,
		.up = true,
		.ethernet = true,
		.mtu = 1500,
		.rx_queues = 8,
		.max_queues = 16,
		.cpus = 8,
	};

	strcpy(l.name, "eth0");
	strcpy(l.driver, "ixgbe");
	return l;
}

static const struct finding *find(const struct findings *f, const char *check)
{
	const struct finding *found = NULL;

	for (size_t i = 0; i < f->count; i++) {
		if (strcmp(f->entries[i].check, check) != 0)
			continue;
		assert_null(found); /* each check says one thing */
		found = &f->entries[i];
	}
	if (!found)
		fail_msg("no finding %s", check);
	return found;
}

static void expect(const struct link_facts *l, bool generic, const char *check,
		   enum finding_level level, const char *remedy)
{
	__attribute__((cleanup(findings_release))) struct findings f = {};
	const struct finding *found;

	preflight_link(&f, l, generic);
	found = find(&f, check);
	if (found->level != level || strcmp(found->remedy, remedy) != 0)
		fail_msg("%s: level %d, remedy \"%s\", text \"%s\"", check, found->level,
			 found->remedy, found->text);
	assert_string_equal(found->subject, l->name);
	assert_true(found->text[0]);
}

static void a_good_nic_has_every_check_and_no_error(void **state)
{
	static const char *const checks[] = { "ethernet",     "up",   "program", "kind",
					      "vlan_offload", "lro",  "hw_gro",  "mtu",
					      "queues",       "flap", "session" };
	__attribute__((cleanup(findings_release))) struct findings f = {};
	struct link_facts l = good_nic();

	preflight_link(&f, &l, false);
	assert_int_equal(f.count, sizeof(checks) / sizeof(checks[0]));
	for (size_t i = 0; i < f.count; i++) {
		enum finding_level level = strcmp(checks[i], "flap") ? FINDING_OK : FINDING_WARNING;

		assert_int_equal(find(&f, checks[i])->level, level);
	}
	assert_false(findings_failed(&f));
}

static void stripped_vlan_tags_are_a_warning(void **state)
{
	struct link_facts l = good_nic();

	l.rx_vlan_offload = true;
	expect(&l, false, "vlan_offload", FINDING_WARNING, "ethtool -K eth0 rxvlan off");
}

static void lro_is_an_error_in_driver_mode_only(void **state)
{
	struct link_facts l = good_nic();

	l.lro = true;
	expect(&l, false, "lro", FINDING_ERROR, "ethtool -K eth0 lro off");
	expect(&l, true, "lro", FINDING_OK, "");
}

static void hardware_gro_is_a_warning_in_driver_mode_only(void **state)
{
	struct link_facts l = good_nic();

	l.hw_gro = true;
	expect(&l, false, "hw_gro", FINDING_WARNING, "ethtool -K eth0 rx-gro-hw off");
	expect(&l, true, "hw_gro", FINDING_OK, "");
}

static void an_mtu_beyond_the_driver_is_an_error(void **state)
{
	struct link_facts l = good_nic();

	l.mtu = 3046;
	expect(&l, false, "mtu", FINDING_OK, "");
	l.mtu = 3047;
	expect(&l, false, "mtu", FINDING_ERROR, "ip link set dev eth0 mtu 3046");
	expect(&l, true, "mtu", FINDING_OK, "");
	strcpy(l.driver, "veth");
	expect(&l, false, "mtu", FINDING_OK, "");
	l.mtu = 3507;
	expect(&l, false, "mtu", FINDING_ERROR, "ip link set dev eth0 mtu 3506");
	l.jumbo = true;
	expect(&l, false, "mtu", FINDING_OK, "");
}

static void an_unknown_driver_is_doubted_only_beyond_the_usual_mtu(void **state)
{
	struct link_facts l = good_nic();

	strcpy(l.driver, "newnic");
	expect(&l, false, "mtu", FINDING_OK, "");
	l.mtu = 9000;
	expect(&l, false, "mtu", FINDING_WARNING, "");
}

static void fewer_queues_than_cpus_are_a_warning(void **state)
{
	struct link_facts l = good_nic();

	l.rx_queues = 4;
	expect(&l, false, "queues", FINDING_WARNING, "ethtool -L eth0 combined 8");
	l.cpus = 64;
	expect(&l, false, "queues", FINDING_WARNING, "ethtool -L eth0 combined 16");
	l.rx_queues = 16;
	expect(&l, false, "queues", FINDING_WARNING, ""); /* it has no more */
	l.rx_queues = l.max_queues = 0;
	expect(&l, false, "queues", FINDING_OK, ""); /* it does not say */
}

static void veth_names_its_receive_queues_otherwise(void **state)
{
	struct link_facts l = good_nic();

	strcpy(l.driver, "veth");
	l.rx_queues = 1;
	expect(&l, false, "queues", FINDING_WARNING, "ethtool -L eth0 rx 8");
}

static void ena_keeps_half_of_its_channels_for_xdp(void **state)
{
	struct link_facts l = good_nic();

	strcpy(l.driver, "ena");
	l.rx_queues = 16;
	expect(&l, false, "queues", FINDING_ERROR, "ethtool -L eth0 combined 8");
	expect(&l, true, "queues", FINDING_OK, "");
	l.rx_queues = 8;
	expect(&l, false, "queues", FINDING_OK, "");
	l.cpus = 32;
	expect(&l, false, "queues", FINDING_WARNING, "");
}

static void a_vlan_interface_is_refused_in_favour_of_the_one_below(void **state)
{
	__attribute__((cleanup(findings_release))) struct findings f = {};
	struct link_facts l = good_nic();

	strcpy(l.name, "eth0.100");
	strcpy(l.kind, "vlan");
	strcpy(l.lower, "eth0");
	expect(&l, false, "kind", FINDING_ERROR, "evenkeel attach eth0");
	expect(&l, true, "kind", FINDING_OK, "");
	preflight_link(&f, &l, false);
	assert_non_null(strstr(find(&f, "kind")->text, "eth0,"));
}

static void a_bond_is_a_warning_that_names_a_port(void **state)
{
	__attribute__((cleanup(findings_release))) struct findings f = {};
	struct link_facts l = good_nic();

	strcpy(l.name, "bond0");
	strcpy(l.kind, "bond");
	strcpy(l.lower, "eth1");
	expect(&l, false, "kind", FINDING_WARNING, "cat /sys/class/net/bond0/bonding/mode");
	expect(&l, true, "kind", FINDING_OK, "");
	preflight_link(&f, &l, false);
	assert_non_null(strstr(find(&f, "kind")->text, "eth1"));
}

static void kinds_without_driver_mode_are_refused_in_it(void **state)
{
	struct link_facts l = good_nic();

	strcpy(l.name, "br0");
	strcpy(l.kind, "bridge");
	expect(&l, false, "kind", FINDING_ERROR, "evenkeel attach --generic br0");
	expect(&l, true, "kind", FINDING_OK, "");
	strcpy(l.kind, "veth");
	expect(&l, false, "kind", FINDING_OK, "");
}

static void a_foreign_program_is_an_error_and_ours_is_not(void **state)
{
	struct link_facts l = good_nic();

	l.xdp_program = 77;
	expect(&l, false, "program", FINDING_ERROR, "ip link show dev eth0");
	expect(&l, true, "program", FINDING_ERROR, "ip link show dev eth0");
	l.xdp_is_ours = true;
	expect(&l, false, "program", FINDING_OK, "");
}

static void a_flapping_driver_is_a_warning_before_attaching(void **state)
{
	struct link_facts l = good_nic();

	expect(&l, false, "flap", FINDING_WARNING, "");
	expect(&l, true, "flap", FINDING_OK, "");
	l.xdp_is_ours = true;
	expect(&l, false, "flap", FINDING_OK, "");
	strcpy(l.driver, "veth");
	l.xdp_is_ours = false;
	expect(&l, false, "flap", FINDING_OK, "");
	assert_true(preflight_driver_flaps("mlx5_core"));
	assert_false(preflight_driver_flaps("virtio_net"));
	assert_false(preflight_driver_flaps(""));
}

static void what_is_not_ethernet_is_refused(void **state)
{
	struct link_facts l = good_nic();

	l.ethernet = false;
	expect(&l, false, "ethernet", FINDING_ERROR, "");
	expect(&l, true, "ethernet", FINDING_ERROR, "");
}

static void a_link_that_is_down_is_a_warning(void **state)
{
	struct link_facts l = good_nic();

	l.up = false;
	expect(&l, false, "up", FINDING_WARNING, "ip link set dev eth0 up");
}

static void the_operators_own_way_in_is_a_warning(void **state)
{
	struct link_facts l = good_nic();

	l.default_route = true;
	expect(&l, false, "session", FINDING_WARNING, "evenkeel confirm");
	l = good_nic();
	l.session = true;
	expect(&l, true, "session", FINDING_WARNING, "evenkeel confirm");
	l.xdp_is_ours = true;
	expect(&l, false, "session", FINDING_OK, "");
}

static void errors_fail_and_warnings_do_not(void **state)
{
	__attribute__((cleanup(findings_release))) struct findings f = {};

	assert_false(findings_failed(&f));
	for (int i = 0; i < 100; i++)
		finding_add(&f, FINDING_WARNING, "check", "subject", "", "number %d", i);
	assert_int_equal(f.count, 100);
	assert_string_equal(f.entries[99].text, "number 99");
	assert_false(findings_failed(&f));
	finding_add(&f, FINDING_ERROR, "check", "subject", "remedy", "text");
	assert_true(findings_failed(&f));
	findings_release(&f);
	assert_int_equal(f.count, 0);
	f.out_of_memory = true; /* a finding was lost: it may have been an error */
	assert_true(findings_failed(&f));
}

static void long_texts_are_cut_not_overrun(void **state)
{
	__attribute__((cleanup(findings_release))) struct findings f = {};
	char text[1000];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	finding_add(&f, FINDING_OK, text, text, text, "%s", text);
	assert_int_equal(strlen(f.entries[0].check), sizeof(f.entries[0].check) - 1);
	assert_int_equal(strlen(f.entries[0].subject), sizeof(f.entries[0].subject) - 1);
	assert_int_equal(strlen(f.entries[0].text), sizeof(f.entries[0].text) - 1);
	assert_int_equal(strlen(f.entries[0].remedy), sizeof(f.entries[0].remedy) - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_good_nic_has_every_check_and_no_error),
		cmocka_unit_test(stripped_vlan_tags_are_a_warning),
		cmocka_unit_test(lro_is_an_error_in_driver_mode_only),
		cmocka_unit_test(hardware_gro_is_a_warning_in_driver_mode_only),
		cmocka_unit_test(an_mtu_beyond_the_driver_is_an_error),
		cmocka_unit_test(an_unknown_driver_is_doubted_only_beyond_the_usual_mtu),
		cmocka_unit_test(fewer_queues_than_cpus_are_a_warning),
		cmocka_unit_test(veth_names_its_receive_queues_otherwise),
		cmocka_unit_test(ena_keeps_half_of_its_channels_for_xdp),
		cmocka_unit_test(a_vlan_interface_is_refused_in_favour_of_the_one_below),
		cmocka_unit_test(a_bond_is_a_warning_that_names_a_port),
		cmocka_unit_test(kinds_without_driver_mode_are_refused_in_it),
		cmocka_unit_test(a_foreign_program_is_an_error_and_ours_is_not),
		cmocka_unit_test(a_flapping_driver_is_a_warning_before_attaching),
		cmocka_unit_test(what_is_not_ethernet_is_refused),
		cmocka_unit_test(a_link_that_is_down_is_a_warning),
		cmocka_unit_test(the_operators_own_way_in_is_a_warning),
		cmocka_unit_test(errors_fail_and_warnings_do_not),
		cmocka_unit_test(long_texts_are_cut_not_overrun),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

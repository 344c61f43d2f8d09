// SPDX-License-Identifier: GPL-2.0
/* What is pinned, adopted, refused and taken away. In a mount and a network namespace of its
 * own: nothing is left behind whatever happens. */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "dp/drift.h"
#include "dp/install.h"
#include "evenkeel/affinity.h"
#include "sandbox.h"

#define DEVICE "ekt.5" /* a dot, as in a vlan's name */

static const struct ek_key key = { { 11, 22 } };
static const struct ek_key other_key = { { 33, 44 } };
static const struct dp_sizes sizes = { .slots = 1u << 16, .backends = 64, .flow_buckets = 1024 };
static char pins[64];

static int enter(void **state)
{
	if (sandbox_enter())
		return -1;
	snprintf(pins, sizeof(pins), "%s/evenkeel", sandbox_bpffs);
	shell("ip link add " DEVICE " type veth peer name ekt-peer");
	return 0;
}

static struct dp *open_pinned(void)
{
	char error[DP_ERROR_MAX] = "";
	struct dp *dp = NULL;

	if (dp_open(&dp, pins, &sizes, key, error))
		fail_msg("%s", error);
	return dp;
}

static struct dp *open_attached(void)
{
	char error[DP_ERROR_MAX] = "";
	struct dp *dp = open_pinned();
	int fd = -1;

	if (dp_attach(dp, if_nametoindex(DEVICE), DP_MODE_DRIVER, &fd, error))
		fail_msg("%s", error);
	assert_int_equal(dp_link_pin(fd, pins, DEVICE), 0);
	close(fd);
	return dp;
}

static size_t detach(const char *interface)
{
	char error[DP_ERROR_MAX] = "";
	size_t detached = 0;

	if (dp_detach(pins, interface, &detached, error))
		fail_msg("%s", error);
	return detached;
}

static size_t links(struct dp_link *first)
{
	struct dp_link *list = NULL;
	size_t count = 0;

	assert_int_equal(dp_links(pins, &list, &count), 0);
	if (count && first)
		*first = list[0];
	free(list);
	return count;
}

static void what_is_pinned_is_adopted_with_its_key_and_contents(void **state)
{
	struct dp *dp = open_pinned();

	assert_false(dp->adopted);
	dp->slots[7] = 4711;
	dp_close(dp);
	char error[DP_ERROR_MAX] = "";
	struct dp_sizes larger = { .slots = 1u << 18, .backends = 128, .flow_buckets = 2048 };

	assert_int_equal(dp_open(&dp, pins, &larger, other_key, error), 0);
	assert_true(dp->adopted);
	assert_int_equal(dp->slots[7], 4711);
	assert_int_equal(dp_key(dp).words[0], key.words[0]);
	assert_int_equal(dp->sizes.slots, sizes.slots);
	dp_close(dp);
	detach(NULL);
	assert_int_equal(access(pins, F_OK), -1);
}

static void count(void *context, const char *subject, const char *text)
{
	++*(unsigned int *)context;
}

/* Of a backend that is leaving, which no configuration names any more, too. */
static void a_capacity_is_adopted(void **state)
{
	struct dp *dp = open_pinned();
	unsigned int found = 0;

	dp->backend_ids[3].used = BACKEND_LEAVING;
	dp->capacities[3].flows = 500;
	dp->backends[3].path[0].flags |= EK_PATH_CAPACITY;
	dp_close(dp);
	dp = open_pinned();
	assert_int_equal(dp_drift_backends(dp, count, &found), 0);
	assert_int_equal(found, 0);
	dp->capacities[3].flows = 1;
	assert_int_equal(dp_drift_backends(dp, count, &found), 0);
	assert_int_equal(found, 1);
	assert_int_equal(dp->capacities[3].flows, 500);
	dp_close(dp);
	detach(NULL);
}

/* The change that it was for may have ended with the controller. */
static void what_held_for_the_time_being_is_lifted(void **state)
{
	struct dp *dp = open_pinned();

	for (uint32_t i = 3; i <= 4; i++) {
		dp->backend_ids[i].used = BACKEND_USED;
		dp_cap(dp, i, 7, UINT32_MAX / 2);
		assert_true(dp->backends[i].path[0].flags & EK_PATH_CAPACITY);
	}
	dp->capacities[4].flows = 500;
	dp_close(dp);
	dp = open_pinned();
	assert_int_equal(dp->capacities[3].held, 0);
	assert_false(dp->backends[3].path[0].flags & EK_PATH_CAPACITY);
	assert_int_equal(dp->capacities[4].held, 0);
	assert_int_equal(dp->capacities[4].flows, 500);
	assert_true(dp->backends[4].path[0].flags & EK_PATH_CAPACITY);
	dp_close(dp);
	detach(NULL);
}

static void a_restart_puts_its_program_on_the_link_whatever_the_interface_is_called(void **state)
{
	struct dp_link before = {}, after = {};

	dp_close(open_attached());
	assert_int_equal(links(&before), 1);
	assert_string_equal(before.interface, DEVICE);
	dp_close(open_pinned());
	assert_int_equal(links(&after), 1);
	assert_int_equal(after.ifindex, before.ifindex);
	assert_int_not_equal(after.program_id, before.program_id);
	assert_int_equal(detach(NULL), 1);
	assert_int_equal(access(pins, F_OK), -1);
}

static void a_restart_frees_what_its_predecessor_left_half_freed(void **state)
{
	const struct ek_flow left = { .tag = 4711, .state = (uint64_t)EK_PHASE_GONE << 24 };
	const struct ek_flow kept = { .tag = 4712, .state = ek_flow_confirmed(3, 7) };
	struct dp *dp = open_pinned();

	dp->flows[5].flow[1] = dp->flows[900].flow[3] = left;
	dp->flows[5].flow[2] = kept;
	dp_close(dp);
	dp = open_pinned();
	assert_int_equal(dp->flows[5].flow[1].tag, 0);
	assert_int_equal(dp->flows[900].flow[3].tag, 0);
	assert_int_equal(dp->flows[5].flow[2].tag, kept.tag);
	assert_int_equal(dp->flows[5].flow[2].state, kept.state);
	dp_close(dp);
	detach(NULL);
}

static void detached_means_free_at_once(void **state)
{
	for (int i = 0; i < 20; i++) {
		dp_close(open_attached());
		assert_int_equal(detach(i % 2 ? DEVICE : NULL), 1);
	}
}

static void detaching_one_keeps_the_others_and_the_maps(void **state)
{
	char error[DP_ERROR_MAX] = "";
	struct dp *dp = open_attached();
	int fd = -1;

	assert_int_equal(dp_attach(dp, if_nametoindex("ekt-peer"), DP_MODE_DRIVER, &fd, error), 0);
	assert_int_equal(dp_link_pin(fd, pins, "ekt-peer"), 0);
	close(fd);
	assert_int_equal(detach("ekt-peer"), 1);
	assert_int_equal(links(NULL), 1);
	dp_close(dp);
	dp = open_pinned();
	assert_true(dp->adopted);
	dp_close(dp);
	detach(NULL);
}

static void detaching_under_a_controller_that_is_alive_keeps_its_maps(void **state)
{
	char path[128];
	int folder;

	dp_close(open_attached());
	folder = open(pins, O_RDONLY | O_DIRECTORY);
	assert_int_equal(flock(folder, LOCK_EX | LOCK_NB), 0);
	assert_int_equal(detach(NULL), 1);
	assert_int_equal(links(NULL), 0);
	snprintf(path, sizeof(path), "%s/v%d/maps/core", pins, EK_ABI_VERSION);
	assert_int_equal(access(path, F_OK), 0);
	close(folder);
	detach(NULL);
	assert_int_equal(access(pins, F_OK), -1);
}

static void a_foreign_program_is_not_replaced(void **state)
{
	char error[DP_ERROR_MAX] = "";
	struct dp *dp = open_attached();
	int fd = -1;

	assert_int_equal(dp_attach(dp, if_nametoindex(DEVICE), DP_MODE_DRIVER, &fd, error), -EBUSY);
	assert_int_equal(fd, -1);
	dp_close(dp);
	detach(NULL);
}

static void pins_of_another_version_are_left_alone_and_named(void **state)
{
	char error[DP_ERROR_MAX] = "", path[128];
	struct dp *dp = NULL;

	snprintf(path, sizeof(path), "%s/v999", pins);
	assert_int_equal(mkdir(pins, 0700), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(dp_open(&dp, pins, &sizes, key, error), -EPROTO);
	assert_null(dp);
	assert_non_null(strstr(error, path));
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(rmdir(pins), 0);
}

static void a_half_made_set_of_maps_is_made_anew(void **state)
{
	char path[128];
	struct dp *dp = open_pinned();

	dp_close(dp);
	snprintf(path, sizeof(path), "%s/v%d/maps/core", pins, EK_ABI_VERSION);
	assert_int_equal(unlink(path), 0);
	dp = open_pinned();
	assert_false(dp->adopted);
	dp_close(dp);
	detach(NULL);
}

static void a_missing_map_under_an_attached_interface_is_left_running(void **state)
{
	char error[DP_ERROR_MAX] = "", path[128];
	struct dp *dp = NULL;

	dp_close(open_attached());
	snprintf(path, sizeof(path), "%s/v%d/maps/slots", pins, EK_ABI_VERSION);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(dp_open(&dp, pins, &sizes, key, error), -EPROTO);
	assert_int_equal(links(NULL), 1);
	assert_int_equal(detach(NULL), 1);
}

static void a_folder_that_is_no_bpffs_is_refused_with_the_remedy(void **state)
{
	char error[DP_ERROR_MAX] = "";
	struct dp *dp = NULL;

	assert_int_equal(dp_open(&dp, "/tmp", &sizes, key, error), -EINVAL);
	assert_non_null(strstr(error, "mount -t bpf"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_pinned_is_adopted_with_its_key_and_contents),
		cmocka_unit_test(a_capacity_is_adopted),
		cmocka_unit_test(what_held_for_the_time_being_is_lifted),
		cmocka_unit_test(
			a_restart_puts_its_program_on_the_link_whatever_the_interface_is_called),
		cmocka_unit_test(a_restart_frees_what_its_predecessor_left_half_freed),
		cmocka_unit_test(detached_means_free_at_once),
		cmocka_unit_test(detaching_one_keeps_the_others_and_the_maps),
		cmocka_unit_test(detaching_under_a_controller_that_is_alive_keeps_its_maps),
		cmocka_unit_test(a_foreign_program_is_not_replaced),
		cmocka_unit_test(pins_of_another_version_are_left_alone_and_named),
		cmocka_unit_test(a_half_made_set_of_maps_is_made_anew),
		cmocka_unit_test(a_missing_map_under_an_attached_interface_is_left_running),
		cmocka_unit_test(a_folder_that_is_no_bpffs_is_refused_with_the_remedy),
	};

	return cmocka_run_group_tests_name("pins", tests, enter, sandbox_leave);
}

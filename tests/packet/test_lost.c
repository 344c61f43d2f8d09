// SPDX-License-Identifier: GPL-2.0
/* What the kernel loses after the verdict is counted: real frames, redirected into interfaces of
 * a network namespace of their own. */
#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "dp/lost.h"
#include "fixture.h"
#include "sandbox.h"

/* One batch of the kernel: a second would be made of the same frames, encapsulated by then. */
#define FRAMES 64u

static const char one[] = "services:\n"
			  "  web:\n"
			  "    listen: [\"203.0.113.10:443/tcp\"]\n"
			  "    backends: { a: 10.0.0.1 }\n";

static int enter(void **state)
{
	if (sandbox_enter())
		return -1;
	/* Down: refused, as an interface is that takes no redirected frames. */
	shell("ip link set lo up; ip link add ekt-down type veth peer name ekt-peer");
	return 0;
}

/* A data path whose only backend is behind the interface. */
static void behind(struct fixture *x, const char *interface)
{
	fixture_open(x, one);
	x->hop4.ifindex = if_nametoindex(interface);
	assert_int_not_equal(x->hop4.ifindex, 0);
	fixture_paths(x);
	assert_int_equal(dp_egress_add(x->dp, x->hop4.ifindex), 0);
}

/* Lets frames of a service really go where the verdict says. */
static void let_go(const struct fixture *x, unsigned int frames)
{
	LIBBPF_OPTS(bpf_test_run_opts, options);
	struct frame in;

	frame_build(&in, &(struct segment){ .flow = "198.51.100.7:40000 > 203.0.113.10:443/tcp",
					    .tcp_flags = TCP_SYN });
	options.data_in = in.bytes;
	options.data_size_in = (uint32_t)in.length;
	options.repeat = (int)frames;
	options.flags = BPF_F_TEST_XDP_LIVE_FRAMES;
	assert_int_equal(bpf_prog_test_run_opts(x->dp->program_fd, &options), 0);
}

static struct dp_lost *count(const struct fixture *x, const char *folder)
{
	char error[DP_ERROR_MAX] = "";
	struct dp_lost *lost = NULL;

	if (dp_lost_open(&lost, x->dp, folder, error))
		fail_msg("%s", error);
	return lost;
}

static uint64_t refused(struct dp_lost *lost, unsigned int ifindex)
{
	const struct dp_lost_egress *list;
	uint64_t found = 0;
	size_t length = 0;

	assert_int_equal(dp_lost_refresh(lost), 0);
	list = dp_lost_list(lost, &length);
	for (size_t i = 0; i < length; i++)
		if (list[i].ifindex == ifindex)
			found = list[i].refused;
	return found;
}

static void what_an_interface_cannot_take_is_counted_under_it(void **state)
{
	struct fixture x;
	struct dp_lost *lost;

	behind(&x, "ekt-down");
	lost = count(&x, NULL);
	let_go(&x, FRAMES);
	assert_int_equal(fixture_verdicts(&x).redirected, FRAMES);
	assert_int_equal(refused(lost, x.hop4.ifindex), FRAMES);
	dp_lost_close(lost);
	fixture_close(&x);
}

static void another_data_paths_losses_are_not_ours(void **state)
{
	struct fixture ours, other;
	struct dp_lost *lost;

	behind(&ours, "ekt-down");
	behind(&other, "ekt-down");
	lost = count(&ours, NULL);
	let_go(&other, FRAMES);
	assert_int_equal(refused(lost, ours.hop4.ifindex), 0);
	let_go(&ours, 1);
	assert_int_equal(refused(lost, ours.hop4.ifindex), 1);
	dp_lost_close(lost);
	fixture_close(&other);
	fixture_close(&ours);
}

static void make_folder(const char *kind)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/v%d%s", sandbox_bpffs, EK_ABI_VERSION, kind);
	assert_int_equal(mkdir(path, 0700), 0);
}

static void pinned_it_counts_without_us_and_each_loss_once(void **state)
{
	struct fixture x;
	struct dp_lost *lost;

	make_folder("");
	make_folder("/maps");
	make_folder("/programs");
	behind(&x, "ekt-down");
	dp_lost_close(count(&x, sandbox_bpffs));
	let_go(&x, FRAMES);
	dp_lost_close(count(&x, sandbox_bpffs));
	let_go(&x, FRAMES);
	lost = count(&x, sandbox_bpffs);
	assert_int_equal(refused(lost, x.hop4.ifindex), 2 * FRAMES);
	dp_lost_close(lost);
	fixture_close(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_an_interface_cannot_take_is_counted_under_it),
		cmocka_unit_test(another_data_paths_losses_are_not_ours),
		cmocka_unit_test(pinned_it_counts_without_us_and_each_loss_once),
	};

	return cmocka_run_group_tests_name("lost", tests, enter, sandbox_leave);
}

// SPDX-License-Identifier: GPL-2.0
#include "live.h"

#include <errno.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "loop.h"

/* A call costs 25 to 30 ms whatever its size; this many frames take most of a second. */
#define FRAMES (2u << 20)
#define TURNS 5

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

static uint64_t returned(const struct scene *s)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < BENCH_CPUS; i++)
		sum += s->returned[i].frames;
	return sum;
}

/* Millions of frames a second that went there and back. */
static int send_frames(const struct scene *s, unsigned int ifindex, double *rate)
{
	struct xdp_md context = { .data_end = BENCH_FRAME, .ingress_ifindex = ifindex };
	uint8_t frame[BENCH_FRAME] = {};
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame, .data_size_in = sizeof(frame),
		    .ctx_in = &context, .ctx_size_in = sizeof(context), .repeat = FRAMES,
		    .flags = BPF_F_TEST_XDP_LIVE_FRAMES);
	uint64_t before = returned(s), start = now_ns(), end;

	packet_write(frame, &rows[ROW_V4_64K].packet);
	if (bpf_prog_test_run_opts(scene_program(s, "bench_generate"), &options)) {
		fprintf(stderr, "bench: live frames: %s\n", strerror(errno));
		return -errno;
	}
	end = now_ns();
	*rate = (double)(returned(s) - before) * 1e3 / (double)(end - start);
	if (returned(s) - before < FRAMES / 100 * 99) {
		fprintf(stderr, "bench: only %llu of %u live frames came back\n",
			(unsigned long long)(returned(s) - before), FRAMES);
		return -EPROTO;
	}
	return 0;
}

static int attach(unsigned int ifindex, int program)
{
	int err = bpf_xdp_attach((int)ifindex, program, XDP_FLAGS_DRV_MODE, NULL);

	if (err)
		fprintf(stderr, "bench: live frames: a program cannot be attached: %s\n",
			strerror(-err));
	return err;
}

/* Alternates between the two, so that both meet the same machine. */
static int take_turns(const struct scene *s, struct report *r, int balancer)
{
	unsigned int near = if_nametoindex(LIVE_NEAR), far = if_nametoindex(LIVE_FAR);
	const int programs[] = { scene_program(s, "bench_bounce"), balancer };
	double rates[2][TURNS], tx;
	int err = attach(near, scene_program(s, "bench_return"));

	for (size_t turn = 0; !err && turn < TURNS; turn++) {
		for (size_t i = 0; !err && i < 2; i++) {
			err = attach(far, programs[i]);
			err = err ?: send_frames(s, near, &rates[i][turn]);
		}
	}
	if (err)
		return err;
	tx = report_quantile(rates[0], TURNS, 0.5);
	report_fact(r, "live frames through veth: bare XDP_TX", tx, "M/s");
	report_fact_least(r, "live frames through veth: tcp-v4, 64 K flows",
			  report_quantile(rates[1], TURNS, 0.5), "M/s", 0.8 * tx);
	return 0;
}

int live_measure(const struct scene *s, struct report *r, unsigned int cpu)
{
	char error[DP_ERROR_MAX] = "";
	unsigned int far = if_nametoindex(LIVE_FAR);
	struct dp *dp = NULL;
	int err = far ? 0 : -ENODEV;

	err = err ?: dp_open(&dp, NULL, &scene_sizes, scene_key, error);
	err = err ?: scene_install(dp);
	err = err ?: scene_route(dp, far);
	if (err) {
		fprintf(stderr, "bench: live frames: %s %s\n", strerror(-err), error);
	} else {
		loop_prepare(s, &rows[ROW_V4_64K], cpu);
		err = take_turns(s, r, dp->program_fd);
	}
	dp_close(dp);
	return err;
}

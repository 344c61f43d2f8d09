// SPDX-License-Identifier: GPL-2.0
/* Runs every row of the table in turn, round after round, so that whatever the machine does
 * meanwhile it does to all of them; docs/performance.md explains. */
#include <errno.h>
#include <getopt.h>
#include <linux/bpf.h>
#include <linux/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dp/install.h"
#include "lib/cleanup.h"
#include "packet.h"
#include "report.h"
#include "scene.h"

enum floor_index { FLOOR_TX, FLOOR_SWAP, FLOOR_MISS, FLOOR_ENCAP4, FLOOR_ENCAP6 };

enum kind { ACK, SYN, RST, UDP, PING, SSH, NOT_IP };

/* The packets of each kind, but for where they go. */
static const struct packet_spec kinds[] = {
	[ACK] = { .port = SCENE_PORT, .protocol = IPPROTO_TCP, .flags = PACKET_ACK },
	[SYN] = { .port = SCENE_PORT, .protocol = IPPROTO_TCP, .flags = PACKET_SYN },
	[RST] = { .port = SCENE_PORT, .protocol = IPPROTO_TCP, .flags = PACKET_RST },
	[UDP] = { .port = SCENE_PORT, .protocol = IPPROTO_UDP },
	[PING] = { .protocol = IPPROTO_ICMP },
	[SSH] = { .port = 22, .protocol = IPPROTO_TCP, .flags = PACKET_ACK },
	[NOT_IP] = {},
};

static const struct row {
	const char *name;
	const char *program;
	enum kind kind;
	const char *to;
	unsigned int log2_flows;
	int floor;
	int growth; /* of the frame */
	uint32_t verdict;
	uint32_t services; /* how many consecutive addresses are asked for; 0 is 1 */
} rows[] = {
#define IN4 FLOOR_ENCAP4, 20, XDP_TX
#define IN6 FLOOR_ENCAP6, 40, XDP_TX
#define SAME_SIZE REPORT_NO_FLOOR, 0, XDP_TX
#define PASSED REPORT_NO_FLOOR, 0, XDP_PASS
	[FLOOR_TX] = { "floor: bare XDP_TX", "bench_tx", ACK, SCENE_WEB4, 16, SAME_SIZE, 0 },
	[FLOOR_SWAP] = { "floor: MAC swap", "bench_swap", ACK, SCENE_WEB4, 16, SAME_SIZE, 0 },
	[FLOOR_MISS] = { "floor: XDP_TX and one memory access", "bench_miss", ACK, SCENE_WEB4, 16,
			 SAME_SIZE, 0 },
	[FLOOR_ENCAP4] = { "floor: encapsulation alone, IPv4", "bench_encap4", ACK, SCENE_WEB4, 16,
			   IN4, 0 },
	[FLOOR_ENCAP6] = { "floor: encapsulation alone, IPv6", "bench_encap6", ACK, SCENE_WEB6, 16,
			   IN6, 0 },
	{ "tcp-v4 ipip, settled", "bench_balance", ACK, SCENE_WEB4, 0, IN4, 0 },
	{ "tcp-v4 ipip, settled", "bench_balance", ACK, SCENE_WEB4, 12, IN4, 0 },
	{ "tcp-v4 ipip, settled", "bench_balance", ACK, SCENE_WEB4, 16, IN4, 0 },
	{ "tcp-v4 ipip, settled", "bench_balance", ACK, SCENE_WEB4, 20, IN4, 0 },
	{ "tcp-v4 ipip, settled", "bench_balance", ACK, SCENE_WEB4, 24, IN4, 0 },
	{ "syn-v4 ipip, settled", "bench_balance", SYN, SCENE_WEB4, 20, IN4, 0 },
	{ "rst-v4 ipip, settled", "bench_balance", RST, SCENE_WEB4, 20, IN4, 0 },
	{ "udp-v4 ipip, settled", "bench_balance", UDP, SCENE_WEB4, 20, IN4, 0 },
	{ "tcp-v6 6in6, settled", "bench_balance", ACK, SCENE_WEB6, 0, IN6, 0 },
	{ "tcp-v6 6in6, settled", "bench_balance", ACK, SCENE_WEB6, 20, IN6, 0 },
	{ "tcp-v4 4in6, settled", "bench_balance", ACK, SCENE_4IN6, 20, IN6, 0 },
	{ "tcp-v6 6in4, settled", "bench_balance", ACK, SCENE_6IN4, 20, IN4, 0 },
	{ "tcp-v4 l2, settled", "bench_balance", ACK, SCENE_DIRECT, 20, SAME_SIZE, 0 },
	{ "tcp-v4 ipip, 1 backend", "bench_balance", ACK, SCENE_ONE, 20, IN4, 0 },
	{ "tcp-v4 ipip, 1000 backends", "bench_balance", ACK, SCENE_1000, 20, IN4, 0 },
	{ "tcp-v4 ipip, 4000 backends", "bench_balance", ACK, SCENE_4000, 20, IN4, 0 },
	{ "tcp-v4 ipip, 128 services", "bench_balance", ACK, SCENE_MANY, 20, IN4, 128 },
	{ "tcp-v4 ipip, 1024 services", "bench_balance", ACK, SCENE_MANY, 20, IN4, 1024 },
	{ "tcp-v4 ipip, unsettled, unremembered", "bench_balance", ACK, SCENE_MISSED, 20, IN4, 0 },
	{ "tcp-v4 ipip, unsettled, remembered", "bench_balance", ACK, SCENE_MOVED, 20, IN4, 0 },
	{ "no-vip: another TCP port", "bench_balance", SSH, SCENE_WEB4, 20, PASSED, 0 },
	{ "no-vip: another IPv6 address", "bench_balance", ACK, "2001:db8::99", 20, PASSED, 0 },
	{ "icmp echo to a service", "bench_balance", PING, SCENE_WEB4, 20, PASSED, 0 },
	{ "non-ip", "bench_balance", NOT_IP, NULL, 0, PASSED, 0 },
};
#define ROWS (sizeof(rows) / sizeof(*rows))

/* ---- one run ------------------------------------------------------------------------------------ */

static void describe(struct bench_job *job, const struct row *row, const uint8_t *frame)
{
	memcpy(job->frame, frame, sizeof(job->frame));
	job->flow_mask = (1u << row->log2_flows) - 1;
	job->service_mask = row->services ? row->services - 1 : 0;
	job->ipv6 = row->to && strchr(row->to, ':');
	job->verdict = row->verdict;
	job->growth = row->growth;
	job->wrong = 0;
}

/* One run of the program: BENCH_BATCHES batches, their times in the job. */
static int run(const struct scene *s, const struct row *row)
{
	struct packet_spec packet = kinds[row->kind];
	uint8_t frame[BENCH_FRAME];
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame, .data_size_in = sizeof(frame),
		    .repeat = 1);

	packet.to = row->to;
	packet_write(frame, &packet);
	describe(s->job, row, frame);
	if (bpf_prog_test_run_opts(scene_program(s, row->program), &options)) {
		fprintf(stderr, "bench: %s: %s\n", row->name, strerror(errno));
		return -errno;
	}
	if (s->job->wrong) {
		fprintf(stderr,
			"bench: %s, %u flows: %llu packets did not fare as expected, the last had "
			"verdict %u and grew by %d: no figure would mean anything\n",
			row->name, 1u << row->log2_flows, (unsigned long long)s->job->wrong,
			s->job->seen_verdict, s->job->seen_growth);
		return -EPROTO;
	}
	return 0;
}

static void keep(const struct bench_job *job, double *out)
{
	for (size_t i = BENCH_WARM; i < BENCH_BATCHES; i++)
		*out++ = (double)job->batch_ns[i] / BENCH_BATCH;
}

static double calibrate(const struct scene *s, int *err)
{
	double best = 0;

	*err = run(s, &rows[FLOOR_TX]);
	for (size_t i = BENCH_WARM; !*err && i < BENCH_BATCHES; i++) {
		double ns = (double)s->job->batch_ns[i] / BENCH_BATCH;

		best = !best || ns < best ? ns : best;
	}
	return best;
}

/* ---- all of them --------------------------------------------------------------------------------- */

/* A round runs every row once, alternately forwards and backwards. */
static int round_run(const struct scene *s, struct report *r, size_t round)
{
	int err;

	r->calibration[2 * round] = calibrate(s, &err);
	for (size_t i = 0; !err && i < ROWS; i++) {
		size_t row = round & 1 ? ROWS - 1 - i : i;

		err = run(s, &rows[row]);
		keep(s->job, r->results[row].batches + round * r->per_round);
	}
	if (!err)
		r->calibration[2 * round + 1] = calibrate(s, &err);
	return err;
}

/* Opens and confirms every flow of the row that needs them remembered. */
static int remember_flows(const struct scene *s)
{
	static const enum kind kinds_in_turn[] = { SYN, ACK };
	const struct row *found = NULL;
	struct ek_verdicts verdicts;

	for (size_t i = 0; i < ROWS; i++) {
		if (rows[i].to && !strcmp(rows[i].to, SCENE_MOVED))
			found = &rows[i];
	}
	for (size_t phase = 0; found && phase < 2; phase++) {
		struct row row = *found;
		size_t packets = 0;

		row.kind = kinds_in_turn[phase];
		for (; packets < 1ul << row.log2_flows; packets += BENCH_BATCHES * BENCH_BATCH) {
			int err = run(s, &row);

			if (err)
				return err;
		}
	}
	dp_verdicts(s->dp, &verdicts);
	fprintf(stderr, "bench: %llu flows remembered\n", (unsigned long long)verdicts.stored);
	return 0;
}

static int prepare(struct report *r, size_t rounds)
{
	r->count = ROWS;
	r->tx = FLOOR_TX;
	r->rounds = rounds;
	r->per_round = BENCH_BATCHES - BENCH_WARM;
	r->calibration = calloc(2 * rounds, sizeof(double));
	r->results = calloc(ROWS, sizeof(*r->results));
	if (!r->calibration || !r->results)
		return -ENOMEM;
	for (size_t i = 0; i < ROWS; i++) {
		r->results[i].name = rows[i].name;
		r->results[i].flows = 1ul << rows[i].log2_flows;
		r->results[i].floor = rows[i].floor;
		r->results[i].batches = calloc(rounds * r->per_round, sizeof(double));
		if (!r->results[i].batches)
			return -ENOMEM;
	}
	return 0;
}

static void release(struct report *r)
{
	for (size_t i = 0; r->results && i < ROWS; i++)
		free(r->results[i].batches);
	free(r->results);
	free(r->calibration);
}

static int measure(const struct scene *s, size_t rounds, bool json)
{
	_cleanup_(release) struct report r = {};
	int err = prepare(&r, rounds);

	err = err ?: remember_flows(s);
	for (size_t i = 0; !err && i < rounds; i++)
		err = round_run(s, &r, i);
	err = err ?: report_compute(&r);
	if (!err)
		report_print(&r, json);
	return err;
}

/* Outer headers of the encapsulation floors: any will do, if their lengths are right. */
static void write_outer(struct bench_job *job)
{
	for (size_t i = 0; i < sizeof(job->outer); i++)
		((uint8_t *)job->outer)[i] = (uint8_t)(i + 1);
}

static void stay_on_this_cpu(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(sched_getcpu(), &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		fprintf(stderr, "bench: not bound to a CPU: %s\n", strerror(errno));
}

static int usage(void)
{
	fprintf(stderr, "usage: bench [--json] [--rounds N] OBJECT\n");
	return 2;
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "json", no_argument, NULL, 'j' },
						 { "rounds", required_argument, NULL, 'r' },
						 {} };
	struct scene scene = {};
	size_t rounds = 300;
	bool json = false;
	int option, err;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'j')
			json = true;
		else if (option == 'r' && atoi(optarg) > 0 && atoi(optarg) <= 10000)
			rounds = (size_t)atoi(optarg);
		else
			return usage();
	}
	if (optind + 1 != argc)
		return usage();
	stay_on_this_cpu();
	err = scene_open(&scene, argv[optind]);
	if (err)
		return 1;
	write_outer(scene.job);
	err = measure(&scene, rounds, json);
	scene_close(&scene);
	return err ? 1 : 0;
}

// SPDX-License-Identifier: GPL-2.0
/* Runs every row of the table in turn, round after round, so that whatever the machine does
 * meanwhile it does to all of them; docs/performance.md explains. */
#include "loop.h"

#include <errno.h>
#include <linux/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dp/install.h"

int loop_bind(unsigned int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (!sched_setaffinity(0, sizeof(set), &set))
		return 0;
	fprintf(stderr, "bench: cannot run on CPU %u: %s\n", cpu, strerror(errno));
	return -errno;
}

/* ---- one run --------------------------------------------------------------------------------- */

static void describe(struct bench_packet *packet, const struct packet_spec *spec, uint32_t verdict,
		     int growth)
{
	uint8_t frame[BENCH_FRAME];

	packet_write(frame, spec);
	memcpy(packet->frame, frame, sizeof(packet->frame));
	packet->ipv6 = spec->to && strchr(spec->to, ':');
	packet->keep_port = spec->shape != PACKET_PLAIN;
	packet->verdict = verdict;
	packet->growth = growth;
}

void loop_prepare(const struct scene *s, const struct row *row, unsigned int cpu)
{
	struct bench_job *job = &s->jobs[cpu];

	describe(&job->packet[0], &row->packet, row->verdict, row->growth);
	describe(&job->packet[1], row->second ?: &row->packet, row->verdict, row->second_growth);
	job->flow_mask = (1u << row->log2_flows) - 1;
	job->service_mask = row->services ? row->services - 1 : 0;
	job->table_mask = row->table - 1;
	job->wrong = 0;
}

int loop_run(const struct scene *s, const struct row *row, unsigned int cpu)
{
	struct bench_job *job = &s->jobs[cpu];
	uint8_t frame[BENCH_FRAME];
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame, .data_size_in = sizeof(frame),
		    .repeat = 1);

	packet_write(frame, &row->packet);
	loop_prepare(s, row, cpu);
	if (bpf_prog_test_run_opts(scene_program(s, row->program), &options)) {
		fprintf(stderr, "bench: %s: %s\n", row->name, strerror(errno));
		return -errno;
	}
	if (job->wrong) {
		fprintf(stderr,
			"bench: %s, %u flows: %llu packets did not fare as expected, the last had "
			"verdict %u and grew by %d: no figure would mean anything\n",
			row->name, 1u << row->log2_flows, (unsigned long long)job->wrong,
			job->seen_verdict, job->seen_growth);
		return -EPROTO;
	}
	return 0;
}

/* ---- all of them ----------------------------------------------------------------------------- */

/* Which rows, by place, and who measures them. */
struct plan {
	const struct scene *scene;
	struct report *report;
	unsigned int cpu;
	size_t chosen[REPORT_ROWS_MAX];
	size_t count;
};

static void keep(const struct bench_job *job, double *out)
{
	for (size_t i = BENCH_WARM; i < BENCH_BATCHES; i++)
		*out++ = (double)job->batch_ns[i] / BENCH_BATCH;
}

static double calibrate(const struct plan *p, int *err)
{
	const struct bench_job *job = &p->scene->jobs[p->cpu];
	double best = 0;

	*err = loop_run(p->scene, &rows[ROW_TX], p->cpu);
	for (size_t i = BENCH_WARM; !*err && i < BENCH_BATCHES; i++) {
		double ns = (double)job->batch_ns[i] / BENCH_BATCH;

		best = !best || ns < best ? ns : best;
	}
	return best;
}

/* A round runs every row once, alternately forwards and backwards. */
static int round_run(const struct plan *p, size_t round)
{
	struct report *r = p->report;
	int err;

	r->calibration[2 * round] = calibrate(p, &err);
	for (size_t i = 0; !err && i < p->count; i++) {
		size_t place = round & 1 ? p->count - 1 - i : i;

		err = loop_run(p->scene, &rows[p->chosen[place]], p->cpu);
		keep(&p->scene->jobs[p->cpu], r->results[place].batches + round * r->per_round);
	}
	if (!err)
		r->calibration[2 * round + 1] = calibrate(p, &err);
	return err;
}

/* Opens and confirms every flow of the row that needs them remembered. */
static int remember_flows(const struct plan *p)
{
	static const uint8_t flags_in_turn[] = { PACKET_SYN, PACKET_ACK };
	const struct row *found = NULL;
	struct ek_verdicts verdicts;

	for (size_t i = 0; i < rows_count; i++) {
		if (rows[i].packet.to && !strcmp(rows[i].packet.to, SCENE_MOVED))
			found = &rows[i];
	}
	for (size_t phase = 0; found && phase < 2; phase++) {
		struct row row = *found;
		size_t packets = 0;

		row.packet.flags = flags_in_turn[phase];
		for (; packets < 1ul << row.log2_flows; packets += BENCH_BATCHES * BENCH_BATCH) {
			int err = loop_run(p->scene, &row, p->cpu);

			if (err)
				return err;
		}
	}
	dp_verdicts(p->scene->dp, &verdicts);
	fprintf(stderr, "bench: %llu flows remembered\n", (unsigned long long)verdicts.stored);
	return 0;
}

/* Those that others are compared with are always there, and in the same places. */
static void choose(struct plan *p, const char *only)
{
	for (size_t i = 0; i < rows_count; i++)
		if (i <= ROW_V4_1M || !only || strstr(rows[i].name, only))
			p->chosen[p->count++] = i;
}

static int prepare(const struct plan *p, size_t rounds)
{
	struct report *r = p->report;

	r->count = p->count;
	r->tx = ROW_TX;
	r->miss = ROW_DRAM;
	r->rounds = rounds;
	r->per_round = BENCH_BATCHES - BENCH_WARM;
	r->calibration = calloc(2 * rounds, sizeof(double));
	r->results = calloc(r->count, sizeof(*r->results));
	if (!r->calibration || !r->results)
		return -ENOMEM;
	for (size_t i = 0; i < r->count; i++) {
		const struct row *row = &rows[p->chosen[i]];

		r->results[i].name = row->name;
		r->results[i].flows = 1ul << row->log2_flows;
		r->results[i].floor = row->floor;
		r->results[i].aim = row->aim;
		r->results[i].batches = calloc(rounds * r->per_round, sizeof(double));
		if (!r->results[i].batches)
			return -ENOMEM;
	}
	return 0;
}

int loop_measure(const struct scene *s, struct report *r, size_t rounds, const char *only,
		 unsigned int cpu)
{
	struct plan p = { .scene = s, .report = r, .cpu = cpu };
	int err;

	choose(&p, only);
	err = prepare(&p, rounds);
	err = err ?: remember_flows(&p);
	for (size_t i = 0; !err && i < rounds; i++)
		err = round_run(&p, i);
	return err ?: report_compute(r);
}

void loop_release(struct report *r)
{
	for (size_t i = 0; r->results && i < r->count; i++)
		free(r->results[i].batches);
	free(r->results);
	free(r->calibration);
	*r = (struct report){};
}

// SPDX-License-Identifier: GPL-2.0
#include "cores.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "loop.h"

#define CPUS 2u
#define ROUNDS_MAX 400

/* What runs alone and together. All rows but the last must cost the same both ways, but for what
 * the machine itself loses when both CPUs are busy, and that is what bare XDP_TX loses. */
static const struct {
	int row; /* of rows[]; REPORT_NONE: one line written by both, to show that it would show */
	const char *alone, *together;
} cases[] = {
	{ ROW_TX, "one CPU busy: bare XDP_TX", "both CPUs busy: bare XDP_TX" },
	{ ROW_V4_64K, "one CPU busy: tcp-v4, 64 K flows", "both CPUs busy: tcp-v4, 64 K flows" },
	{ REPORT_NONE, "one CPU busy: one shared counter", "both CPUs busy: one shared counter" },
};
#define CASES (sizeof(cases) / sizeof(cases[0]))

static struct row row_of(size_t i)
{
	struct row row = rows[cases[i].row == REPORT_NONE ? ROW_TX : cases[i].row];

	if (cases[i].row == REPORT_NONE)
		row.program = "bench_share";
	return row;
}

struct worker {
	const struct scene *scene;
	const struct row *row;
	unsigned int cpu;
	pthread_barrier_t *start; /* NULL: alone */
	double ns;                /* median of the run's batches */
	int err;
};

static void *work(void *argument)
{
	struct worker *w = argument;
	const struct bench_job *job = &w->scene->jobs[w->cpu];
	double ns[BENCH_BATCHES];

	w->err = loop_bind(w->cpu);
	if (w->start)
		pthread_barrier_wait(w->start);
	w->err = w->err ?: loop_run(w->scene, w->row, w->cpu);
	/* The last quarter is not counted: the other CPU may have ended before. */
	for (size_t i = BENCH_WARM; i < BENCH_BATCHES * 3 / 4; i++)
		ns[i - BENCH_WARM] = (double)job->batch_ns[i] / BENCH_BATCH;
	w->ns = report_quantile(ns, BENCH_BATCHES * 3 / 4 - BENCH_WARM, 0.5);
	return NULL;
}

/* Both at once; the mean of their medians. */
static int run_together(const struct scene *s, const struct row *row, double *ns)
{
	struct worker workers[CPUS];
	pthread_barrier_t start;
	pthread_t other;
	int err;

	pthread_barrier_init(&start, NULL, CPUS);
	for (unsigned int i = 0; i < CPUS; i++)
		workers[i] = (struct worker){ s, row, i, &start, 0, 0 };
	err = -pthread_create(&other, NULL, work, &workers[1]);
	if (!err) {
		work(&workers[0]);
		pthread_join(other, NULL);
		err = workers[0].err ?: workers[1].err;
	}
	pthread_barrier_destroy(&start);
	*ns = (workers[0].ns + workers[1].ns) / CPUS;
	return err;
}

static int run_alone(const struct scene *s, const struct row *row, double *ns)
{
	struct worker w = { s, row, 0, NULL, 0, 0 };

	work(&w);
	*ns = w.ns;
	return w.err;
}

int cores_measure(const struct scene *s, struct report *r, size_t rounds)
{
	static double alone[CASES][ROUNDS_MAX], together[CASES][ROUNDS_MAX];
	double a[CASES], t[CASES];
	int err = 0;

	if (sysconf(_SC_NPROCESSORS_ONLN) < (long)CPUS) {
		fprintf(stderr, "bench: one CPU here: no rows for two\n");
		return 0;
	}
	rounds = rounds > ROUNDS_MAX ? ROUNDS_MAX : rounds;
	for (size_t round = 0; !err && round < rounds; round++) {
		for (size_t i = 0; !err && i < CASES; i++) {
			struct row row = row_of(i);

			err = run_alone(s, &row, &alone[i][round]);
			err = err ?: run_together(s, &row, &together[i][round]);
		}
	}
	for (size_t i = 0; !err && i < CASES; i++) {
		a[i] = report_quantile(alone[i], rounds, 0.5);
		t[i] = report_quantile(together[i], rounds, 0.5);
		report_fact(r, cases[i].alone, a[i], "ns");
		if (i == 1)
			report_fact_most(r, cases[i].together, t[i], "ns",
					 a[i] * 1.1 * t[0] / a[0]);
		else
			report_fact(r, cases[i].together, t[i], "ns");
	}
	return err;
}

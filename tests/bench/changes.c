// SPDX-License-Identifier: GPL-2.0
#include "changes.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "dp/install.h"
#include "dp/object.h"
#include "evenkeel/limits.h"
#include "judging.h"
#include "lib/cleanup.h"
#include "lib/maglev.h"
#include "scene.h"

#define CHANGES 21 /* of which the median counts */

/* What one case tells its parent. */
struct outcome {
	double first_s;   /* the configuration parsed, then installed into empty maps */
	double change_ms; /* one backend less, or it back again: the median */
	double maps_mib, heap_mib;
	struct judging judging;
	int err;
};

static const struct size {
	unsigned int services, backends;
	struct dp_sizes sizes;
} one_service = { 1,
		  1000,
		  { .slots = 4 * EK_TABLE_SLOTS_MAX,
		    .backends = EK_BACKENDS_DEFAULT,
		    .flow_buckets = EK_FLOW_BUCKETS_DEFAULT } },
  hundred = { 100,
	      20,
	      { .slots = EK_SLOTS_DEFAULT,
		.backends = EK_BACKENDS_DEFAULT,
		.flow_buckets = EK_FLOW_BUCKETS_DEFAULT } },
  thousand = {
	  1000,
	  100,
	  { .slots = 1010 * 32768, .backends = 128 * 1024, .flow_buckets = EK_FLOW_BUCKETS_DEFAULT }
  };

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- configurations -------------------------------------------------------------------------- */

/* The first service has `missing` backends less. */
static void write_config(FILE *out, const struct size *x, unsigned int missing)
{
	fprintf(out, "{\"services\":{");
	for (unsigned int i = 0; i < x->services; i++) {
		fprintf(out,
			"%s\"s%u\":{\"listen\":[\"198.19.%u.%u:443/tcp\"],\"forward\":\"ipip\","
			"\"backends\":{",
			i ? "," : "", i, i >> 8, i & 255);
		for (unsigned int b = 0; b < x->backends - (i ? 0 : missing); b++)
			fprintf(out, "%s\"b%u\":{\"address\":\"10.%u.%u.%u\"}", b ? "," : "", b,
				i & 255, (i >> 8) << 4 | b >> 8, b & 255);
		fprintf(out, "}}");
	}
	fprintf(out, "}}");
}

static int make_config(struct config **out, const struct size *x, unsigned int missing)
{
	_cleanup_(free_ptr) char *text = NULL;
	size_t length = 0;
	FILE *stream = open_memstream(&text, &length);

	if (!stream)
		return -ENOMEM;
	write_config(stream, x, missing);
	if (fclose(stream))
		return -ENOMEM;
	return scene_parse(out, text, length);
}

/* ---- one case -------------------------------------------------------------------------------- */

/* As a controller does it: indexes first, then (paths, and) tables. */
static int apply(struct dp *dp, const struct config *c, double *took_s)
{
	char error[DP_ERROR_MAX] = "";
	struct dp_install_result result;
	double start = now_s();
	uint32_t monotonic = (uint32_t)start;
	int err = dp_reserve(dp, c, monotonic, error);

	err = err ?: dp_install(dp, c, monotonic, &result, error);
	*took_s = now_s() - start;
	if (err)
		fprintf(stderr, "bench: %s\n", error);
	return err;
}

static int measure_changes(struct dp *dp, const struct config *whole, const struct config *less,
			   double *median_ms)
{
	double took[CHANGES];

	for (size_t i = 0; i < CHANGES; i++) {
		int err = apply(dp, i % 2 ? whole : less, &took[i]);

		if (err)
			return err;
	}
	*median_ms = report_quantile(took, CHANGES, 0.5) * 1e3;
	return 0;
}

/* Bytes of all maps: each descriptor's own account (memlock), as the kernel charges it. */
static double maps_bytes(const struct dp *dp)
{
	double sum = 0;
	struct bpf_map *map;

	bpf_object__for_each_map(map, dp->priv->object) {
		char path[64], line[128];
		_cleanup_(close_file) FILE *f = NULL;
		double bytes;

		snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", bpf_map__fd(map));
		f = fopen(path, "r");
		while (f && fgets(line, sizeof(line), f))
			if (sscanf(line, "memlock: %lf", &bytes) == 1)
				sum += bytes;
	}
	return sum;
}

/* This process' own memory, without what it has mapped. */
static double heap_bytes(void)
{
	_cleanup_(close_file) FILE *f = fopen("/proc/self/status", "r");
	char line[128];
	double kib = 0;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "RssAnon: %lf", &kib) == 1)
			break;
	return kib * 1024;
}

static int run_case(const struct size *x, struct outcome *o)
{
	const struct ek_key key = { { 0x243f6a8885a308d3, 0x13198a2e03707344 } };
	_cleanup_(config_release) struct config *whole = NULL, *less = NULL;
	char error[DP_ERROR_MAX] = "the configuration";
	double before = heap_bytes(), took;
	struct dp *dp = NULL;
	double start;
	int err = dp_open(&dp, NULL, &x->sizes, key, error);

	if (err) {
		fprintf(stderr, "bench: %s\n", error);
		return err;
	}
	start = now_s();
	err = make_config(&whole, x, 0);
	err = err ?: apply(dp, whole, &took);
	o->first_s = now_s() - start;
	o->maps_mib = maps_bytes(dp) / (1 << 20);
	o->heap_mib = (heap_bytes() - before) / (1 << 20);
	err = err ?: make_config(&less, x, 1);
	err = err ?: measure_changes(dp, whole, less, &o->change_ms);
	err = err ?: judging_measure(&o->judging, dp, less); /* which was installed last */
	dp_close(dp);
	return err;
}

static int run_apart(const struct size *x, struct outcome *out)
{
	int pipes[2], status = 0;
	pid_t child;
	ssize_t length;

	if (pipe(pipes))
		return -errno;
	fflush(NULL);
	child = fork();
	if (!child) {
		struct outcome o = {};

		o.err = run_case(x, &o);
		_exit(write(pipes[1], &o, sizeof(o)) != sizeof(o));
	}
	close(pipes[1]);
	length = child < 0 ? -1 : read(pipes[0], out, sizeof(*out));
	close(pipes[0]);
	if (child > 0)
		waitpid(child, &status, 0);
	return length == sizeof(*out) ? out->err : -EIO;
}

int changes_measure(struct report *r)
{
	struct outcome one = {}, small = {}, large = {};
	int err = run_apart(&one_service, &one);

	err = err ?: run_apart(&hundred, &small);
	err = err ?: run_apart(&thousand, &large);
	if (err) {
		fprintf(stderr, "bench: changes: %s\n", strerror(-err));
		return err;
	}
	report_fact_most(r, "1 service of 1000 backends: one backend changed", one.change_ms, "ms",
			 10);
	report_fact_most(r, "1000 services of 100 backends: first apply", large.first_s, "s", 5);
	report_fact_most(r, "1000 services of 100 backends: one backend changed", large.change_ms,
			 "ms", 50);
	report_fact_most(r, "1000 services of 100 backends: a second's counters and skew",
			 large.judging.later_ms, "ms", 100);
	report_fact_most(r, "1000 services of 100 backends: the same, while tables are read",
			 large.judging.most_ms, "ms", 100);
	report_fact_most(r, "100 services of 20 backends: maps and heap",
			 small.maps_mib + small.heap_mib, "MiB", 64);
	report_fact(r, "1000 services of 100 backends: maps", large.maps_mib, "MiB");
	report_fact(r, "1000 services of 100 backends: heap", large.heap_mib, "MiB");
	return 0;
}

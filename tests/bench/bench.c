// SPDX-License-Identifier: GPL-2.0
/* Measures one thing after the other and prints one table; docs/performance.md explains. */
#include <errno.h>
#include <getopt.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "changes.h"
#include "cores.h"
#include "lib/cleanup.h"
#include "live.h"
#include "loop.h"

/* Outer headers of the encapsulation floors: any will do, if their lengths are right. */
static void write_outer(struct bench_job *job)
{
	for (size_t i = 0; i < sizeof(job->outer); i++)
		((uint8_t *)job->outer)[i] = (uint8_t)(i + 1);
}

struct wish {
	size_t rounds;
	const char *rows; /* only those with this in their name, and nothing but rows; NULL: all */
	bool json;
};

static int measure(const struct scene *s, const struct wish *w)
{
	_cleanup_(loop_release) struct report r = {};
	unsigned int cpu = (unsigned int)sched_getcpu();
	int err = loop_bind(cpu);

	write_outer(&s->jobs[cpu]);
	err = err ?: loop_measure(s, &r, w->rounds, w->rows, cpu);
	if (!w->rows) {
		err = err ?: cores_measure(s, &r, w->rounds);
		err = err ?: loop_bind(cpu);
		err = err ?: live_measure(s, &r, cpu);
		err = err ?: changes_measure(&r);
	}
	if (!err)
		report_print(&r, w->json);
	return err;
}

static int usage(void)
{
	fprintf(stderr, "usage: bench [--json] [--rounds N] [--rows TEXT] OBJECT\n");
	return 2;
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "json", no_argument, NULL, 'j' },
						 { "rounds", required_argument, NULL, 'r' },
						 { "rows", required_argument, NULL, 'o' },
						 {} };
	struct scene scene = {};
	struct wish wish = { .rounds = 300 };
	int option, err;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'j')
			wish.json = true;
		else if (option == 'o')
			wish.rows = optarg;
		else if (option == 'r' && atoi(optarg) > 0 && atoi(optarg) <= 10000)
			wish.rounds = (size_t)atoi(optarg);
		else
			return usage();
	}
	if (optind + 1 != argc)
		return usage();
	err = scene_open(&scene, argv[optind]);
	if (err)
		return 1;
	err = measure(&scene, &wish);
	scene_close(&scene);
	return err ? 1 : 0;
}

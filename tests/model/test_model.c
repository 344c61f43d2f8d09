// SPDX-License-Identifier: GPL-2.0
/* The affinity rules, searched exhaustively: no scene breaks a flow; and with any one rule
 * changed, or a flaw planted beside them, some scene does. TAP, the way there is a comment. Not under the sanitizers: it is a
 * search, and ten times slower with them.
 *
 *	test_model [MUTANT | FLAW | SCENE]...     default: all; run from the top of the tree */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "search.h"
#include "scenes.h"

#define LISTING "tests/model/mutants"

struct run {
	char **only;
	int only_count;
	unsigned int number, failed;
	size_t states;
	const char *build;
};

static bool is_wanted(const struct run *run, const char *name)
{
	for (int i = 0; i < run->only_count; i++)
		if (!strcmp(run->only[i], name))
			return true;
	return !run->only_count;
}

static void report(struct run *run, bool ok, const char *name, const char *claim)
{
	printf("%sok %u - %s: %s\n", ok ? "" : "not ", ++run->number, name, claim);
	fflush(stdout);
	run->failed += !ok;
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* NULL: there is none; says why. */
static const struct rules *rules_load(const struct run *run, const char *name)
{
	const struct rules *r;
	char path[512];
	void *object;

	snprintf(path, sizeof(path), "%s/tests/model/%s.so", run->build, name);
	object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	r = object ? dlsym(object, "rules") : NULL;
	if (!r)
		printf("# %s: %s\n", path, dlerror());
	return r;
}

static void run_scene(struct run *run, const struct rules *r, const struct scene *c)
{
	double begun = seconds();
	struct finding f = {};
	int err = r ? search(c, r, &f) : 0;

	if (err)
		printf("# %s: %s\n", c->name, strerror(-err));
	if (f.wrong)
		finding_print(stdout, "#   ", r, &f);
	printf("# %s: %zu states, every way of up to %u steps, %.1f s\n", c->name, f.states,
	       c->depth, seconds() - begun);
	run->states += f.states;
	report(run, r && !err && !f.wrong, c->name, c->claim);
}

static const struct scene *scene_named(const char *name)
{
	for (unsigned int i = 0; i < scene_count; i++)
		if (!strcmp(scenes[i].name, name))
			return &scenes[i];
	return NULL;
}

static void run_wrong(struct run *run, const struct rules *r, const char *name, const char *scene,
		      const char *what)
{
	const struct scene *c = scene_named(scene);
	struct finding f = {};

	if (!c)
		printf("# %s: there is no scene '%s'\n", name, scene);
	if (r && c && !search(c, r, &f) && f.wrong)
		finding_print(stdout, "#   ", r, &f);
	else
		printf("# nothing breaks: the rule is superfluous, or the model has a hole\n");
	report(run, f.wrong, name, what);
}

/* Each line "name | scene | what the rule is now". */
static void run_mutants(struct run *run, FILE *listing)
{
	char line[512], name[64], scene[64], what[256];

	while (fgets(line, sizeof(line), listing))
		if (sscanf(line, "%63[a-z-] | %63[a-z-] | %255[^\n]", name, scene, what) == 3 &&
		    is_wanted(run, name))
			run_wrong(run, rules_load(run, name), name, scene, what);
}

static void run_flaws(struct run *run, const struct rules *r)
{
	for (unsigned int i = 0; r && i < flaw_count; i++) {
		struct rules wrong = *r;

		wrong.flaw = flaws[i].flaw;
		if (is_wanted(run, flaws[i].name))
			run_wrong(run, &wrong, flaws[i].name, flaws[i].scene, flaws[i].what);
	}
}

int main(int argc, char **argv)
{
	const char *build = getenv("BUILD");
	struct run run = { .only = argv + 1,
			   .only_count = argc - 1,
			   .build = build ? build : "build" };
	const struct rules *r = rules_load(&run, "rules");
	FILE *listing = fopen(LISTING, "re");

	if (!listing) {
		printf("Bail out! %s: run it from the top of the tree\n", LISTING);
		return 1;
	}
	for (unsigned int i = 0; i < scene_count; i++)
		if (is_wanted(&run, scenes[i].name))
			run_scene(&run, r, &scenes[i]);
	printf("# %zu states\n", run.states);
	run_mutants(&run, listing);
	run_flaws(&run, r);
	fclose(listing);
	printf("1..%u\n", run.number);
	return run.failed || !run.number;
}

// SPDX-License-Identifier: GPL-2.0
/* backend restart-each: one backend after another is drained, restarted by the caller's command, and
 * given its flows again when its checks have seen it up. Stops at the first failure. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cli/client.h"
#include "lib/cleanup.h"

#define WITHIN_S 300u
#define WITHIN_MAX_S 86400u
#define POLL_MS 300
/* A controller that is restarted meanwhile is back within this time. */
#define ABSENT_S 30
/* A result under way when the command ended may be of the server before. */
#define RESULTS 2u
#define SAID_EVERY_S 30
#define WHY_MAX 512

struct restart {
	const struct cli *cli;
	const char *service, *command;
	uint32_t within_s;
	bool unchecked;
	json_t *done;        /* names */
	const char *backend; /* the one at hand, or NULL */
	bool was_drained;    /* before */
	bool drained;        /* it is drained now, by us */
	bool touched;        /* the command was run for it */
	char why[WHY_MAX];   /* what failed */
};

/* Set by the signal handler alone, which also ends waits for the daemon. */
static volatile sig_atomic_t interrupted;

static void interrupt(int signal_number)
{
	interrupted = 1;
}

static int fail(struct restart *r, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int fail(struct restart *r, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(r->why, sizeof(r->why), format, arguments);
	va_end(arguments);
	return -ECANCELED;
}

static void say(const struct restart *r, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void say(const struct restart *r, const char *format, ...)
{
	va_list arguments;

	if (cli_json(r->cli))
		return;
	va_start(arguments, format);
	printf("%s%s%s: ", r->service, r->backend ? "/" : "", r->backend ? r->backend : "");
	vprintf(format, arguments);
	putchar('\n');
	va_end(arguments);
	fflush(stdout);
}

static time_t now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

static void wait_a_little(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = POLL_MS * 1000000L }, NULL);
}

/* ---- asking ---------------------------------------------------------------------------------- */

static bool is_passing(int error)
{
	return client_absent(error) || error == -EAGAIN || error == -ECONNRESET;
}

/* The service as it is now; *out is owned. */
static int look(struct restart *r, json_t **out)
{
	time_t end = now_s() + ABSENT_S;
	const json_t *service;
	int err;

	for (;;) {
		_cleanup_(answer_release) struct answer answer = {};

		err = client_call(r->cli, "services", json_pack("{s:s}", "service", r->service),
				  &answer);
		if (interrupted)
			return fail(r, "interrupted");
		if (err && is_passing(err) && now_s() < end) {
			wait_a_little();
			continue;
		}
		if (err)
			return fail(r, "evenkeeld does not answer: %s", strerror(-err));
		service = fact_named(json_object_get(answer.result, "services"), r->service);
		if (!service)
			return fail(r, "there is no such service; see evenkeel service list");
		*out = json_incref((json_t *)service);
		return 0;
	}
}

static const json_t *backend_in(const json_t *service, const char *name)
{
	return fact_named(json_object_get(service, "backends"), name);
}

static int look_at(struct restart *r, json_t **service, const json_t **backend)
{
	int err = look(r, service);

	if (err)
		return err;
	*backend = backend_in(*service, r->backend);
	return *backend ? 0 : fail(r, "it is not in the service any more");
}

static int drain(struct restart *r, const char *action)
{
	_cleanup_(answer_release) struct answer answer = {};
	_cleanup_(free_ptr) char *said = NULL;
	int err = client_call(r->cli, "backend",
			      json_pack("{s:s, s:s, s:[{s:s}]}", "service", r->service, "action",
					action, "backends", "name", r->backend),
			      &answer);

	if (err)
		return fail(r, "%s: %s", action, strerror(-err));
	said = fact_join(answer.messages, "; ");
	return answer.exit ? fail(r, "%s: %s", action, said ? said : "refused") : 0;
}

/* ---- may it begin ---------------------------------------------------------------------------- */

static bool is_checked(const json_t *backend)
{
	return json_is_object(json_object_get(backend, "health"));
}

static bool serves(const json_t *backend)
{
	return fact_count(backend, "slots") > 0 && !strcmp(fact_text(backend, "state"), "up");
}

/* Somebody must have the flows meanwhile, and who is not up has had enough. */
static int check_others(struct restart *r, const json_t *service)
{
	const json_t *backend;
	size_t others = 0, i;

	json_array_foreach(json_object_get(service, "backends"), i, backend) {
		const char *name = fact_text(backend, "name"), *state = fact_text(backend, "state");

		if (!strcmp(name, r->backend) || fact_true(backend, "drain") ||
		    !strcmp(state, "leaving"))
			continue;
		if (strcmp(state, "up") != 0 && !r->unchecked)
			return fail(r, "%s is %s: mend or drain it first", name, state);
		others += serves(backend);
	}
	if (!others && !r->unchecked)
		return fail(r, "no other backend takes its flows: with --unchecked they fail "
			       "meanwhile");
	return 0;
}

static int check_health(struct restart *r, const json_t *service)
{
	const json_t *backend;
	size_t i;

	json_array_foreach(json_object_get(service, "backends"), i, backend)
		if (!is_checked(backend) && strcmp(fact_text(backend, "state"), "leaving") != 0)
			return fail(r,
				    "health is none: nobody would know when %s is up again; "
				    "with --unchecked it goes on when the command ends",
				    fact_text(backend, "name"));
	return 0;
}

/* ---- steps ----------------------------------------------------------------------------------- */

static bool is_idle(const json_t *b)
{
	const char *state = fact_text(b, "state");

	return !strcmp(state, "drained") ||
	       (!strcmp(state, "down") && !fact_count(b, "slots") && !fact_count(b, "held_slots") &&
		!fact_count(b, "flows_remembered"));
}

/* As long as the service's drain time says, then they are cut: by the restart. */
static int wait_for_flows(struct restart *r)
{
	time_t begun = now_s(), said = 0;

	for (;; wait_a_little()) {
		_cleanup_(json_release) json_t *service = NULL;
		const json_t *b = NULL;
		int err = look_at(r, &service, &b);
		uint64_t drain_s = fact_count(service, "drain_s");
		bool over = now_s() - begun >= (time_t)drain_s;

		if (err || is_idle(b))
			return err;
		if (over || now_s() - said >= SAID_EVERY_S || !said)
			say(r,
			    over ? "%" PRIu64 " flows remembered and %" PRIu64 " slots are left "
				   "after the drain time of %" PRIu64 " s: they are cut"
				 : "waits for %" PRIu64 " flows remembered and older ones of "
				   "%" PRIu64 " slots, %" PRIu64 " s at most",
			    fact_count(b, "flows_remembered"), fact_count(b, "held_slots"),
			    drain_s);
		if (over)
			return 0;
		said = !said || now_s() - said >= SAID_EVERY_S ? now_s() : said;
	}
}

static void child_run(const struct restart *r, const char *address)
{
	if (setenv("EVENKEEL_SERVICE", r->service, 1) ||
	    setenv("EVENKEEL_BACKEND", r->backend, 1) || setenv("EVENKEEL_ADDRESS", address, 1))
		_exit(127);
	if (cli_json(r->cli)) /* stdout is for the result */
		dup2(STDERR_FILENO, STDOUT_FILENO);
	execl("/bin/sh", "sh", "-c", r->command, (char *)NULL);
	_exit(127);
}

/* A signal from the terminal reaches the command, too: its end is waited for. */
static int run_command(struct restart *r)
{
	_cleanup_(json_release) json_t *service = NULL;
	const json_t *b = NULL;
	int err = look_at(r, &service, &b), status = 0;
	pid_t child;

	if (err)
		return err;
	say(r, "runs %s", r->command);
	r->touched = true;
	child = fork();
	if (child == 0)
		child_run(r, fact_text(b, "address"));
	if (child < 0)
		return fail(r, "fork: %s", strerror(errno));
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFSIGNALED(status))
		return fail(r, "the command was ended by signal %d", WTERMSIG(status));
	if (WEXITSTATUS(status))
		return fail(r, "the command ended with exit status %d", WEXITSTATUS(status));
	return interrupted ? fail(r, "interrupted") : 0;
}

/* The fewest results that one of its checks has had. */
static uint64_t results(const json_t *backend)
{
	const json_t *check,
		*checks = json_object_get(json_object_get(backend, "health"), "checks");
	uint64_t least = UINT64_MAX;
	size_t i;

	json_array_foreach(checks, i, check)
		if (fact_count(check, "results") < least)
			least = fact_count(check, "results");
	return least;
}

static bool is_well(const json_t *backend)
{
	const json_t *check, *health = json_object_get(backend, "health");
	size_t i;

	json_array_foreach(json_object_get(health, "checks"), i, check)
		if (strcmp(fact_text(check, "state"), "up") != 0 || *fact_text(check, "reason"))
			return false;
	return !strcmp(fact_text(health, "state"), "up");
}

static int wait_for_health(struct restart *r)
{
	time_t end = now_s() + (time_t)r->within_s;
	uint64_t since = UINT64_MAX;

	for (;; wait_a_little()) {
		_cleanup_(json_release) json_t *service = NULL;
		const json_t *b = NULL, *health;
		int err = look_at(r, &service, &b);
		uint64_t now;

		if (err || !is_checked(b))
			return err;
		now = results(b);
		if (since > now) { /* also after a restart of evenkeeld, which counts anew */
			since = now;
			say(r, "waits for its health checks");
		}
		if (now - since >= RESULTS && is_well(b))
			return 0;
		health = json_object_get(b, "health");
		if (now_s() >= end)
			return fail(r, "it was not up within %u s: %s%s%s", r->within_s,
				    fact_text(health, "state"),
				    *fact_text(health, "reason") ? ": " : "",
				    fact_text(health, "reason"));
	}
}

/* Slots that have yet to settle are not waited for: it has what it can have. */
static int wait_for_flows_again(struct restart *r)
{
	time_t end = now_s() + (time_t)r->within_s;
	bool said = false;

	for (;; wait_a_little()) {
		_cleanup_(json_release) json_t *service = NULL;
		const json_t *b = NULL, *start;
		int err = look_at(r, &service, &b);
		bool starts;

		if (err)
			return err;
		start = json_object_get(b, "start");
		starts = json_is_object(start) && fact_count(start, "left_s") > 0;
		if (starts && !said)
			say(r, "starts slowly, %" PRIu64 " s", fact_count(start, "left_s"));
		said |= starts;
		if (starts)
			end = now_s() + (time_t)r->within_s;
		else if (!strcmp(fact_text(b, "state"), "up"))
			return 0;
		if (now_s() >= end)
			return fail(r, "it did not get flows again within %u s: %s%s%s",
				    r->within_s, fact_text(b, "state"),
				    *fact_text(b, "reason") ? ": " : "", fact_text(b, "reason"));
	}
}

/* One that was drained before stays so: somebody had a reason. */
static int restart_one(struct restart *r, const char *name)
{
	_cleanup_(json_release) json_t *service = NULL;
	const json_t *b = NULL;
	int err;

	r->backend = name;
	r->drained = r->touched = false;
	err = look_at(r, &service, &b);
	r->was_drained = fact_true(b, "drain");
	if (!err && !r->was_drained) {
		err = check_others(r, service);
		r->drained = !err;
		err = err ?: drain(r, "drain");
	}
	err = err ?: wait_for_flows(r) ?: run_command(r) ?: wait_for_health(r);
	if (!err && r->drained) {
		err = drain(r, "undrain");
		r->drained = err;
		err = err ?: wait_for_flows_again(r);
	}
	if (err)
		return err;
	say(r, r->was_drained ? "done; it stays drained" : "done");
	return json_array_append_new(r->done, json_string(name)) ? fail(r, "out of memory") : 0;
}

/* ---- the end --------------------------------------------------------------------------------- */

/* Nothing was done to it: it can have its flows again. */
static void give_back(struct restart *r)
{
	char why[WHY_MAX];

	if (!r->drained || r->touched)
		return;
	memcpy(why, r->why, sizeof(why));
	interrupted = 0;
	r->drained = drain(r, "undrain");
	memcpy(r->why, why, sizeof(why));
}

static void complain(const struct restart *r)
{
	fprintf(stderr, "evenkeel: %s%s%s: %s\n", r->service, r->backend ? "/" : "",
		r->backend ? r->backend : "", r->why);
	if (r->drained)
		fprintf(stderr,
			"%s stays drained: when it is well, `evenkeel backend undrain %s %s`\n",
			r->backend, r->service, r->backend);
	if (json_array_size(r->done)) {
		_cleanup_(free_ptr) char *done = fact_join(r->done, ", ");

		fprintf(stderr, "done before: %s\n", done ? done : "");
	}
}

static int finish(struct restart *r, int err)
{
	if (err) {
		give_back(r);
		complain(r);
	}
	if (cli_json(r->cli)) {
		_cleanup_(json_release) json_t *result =
			json_pack("{s:s, s:O, s:o}", "service", r->service, "done", r->done,
				  "failed",
				  err ? json_pack("{s:s?, s:b, s:s}", "backend", r->backend,
						  "drained", r->drained, "reason", r->why)
				      : json_null());

		fact_print(result, false);
	}
	return err ? EK_EXIT_REFUSED : EK_EXIT_DONE;
}

/* The names as they are at the beginning, owned by *service. */
static int restart_all(struct restart *r, json_t **service)
{
	const json_t *backend;
	size_t i;
	int err = look(r, service);

	if (!err && !r->unchecked)
		err = check_health(r, *service);
	json_array_foreach(err ? NULL : json_object_get(*service, "backends"), i, backend) {
		if (!strcmp(fact_text(backend, "state"), "leaving"))
			continue;
		err = restart_one(r, fact_text(backend, "name"));
		if (err)
			return err;
	}
	return err;
}

int cmd_backend_restart_each(struct cli *cli)
{
	_cleanup_(json_release) json_t *service = NULL, *done = json_array();
	struct sigaction action = { .sa_handler = interrupt };
	struct restart r = {
		.cli = cli,
		.service = cli->words[0],
		.command = cli->option[OPTION_EXEC],
		.unchecked = cli->option[OPTION_UNCHECKED],
		.done = done,
	};
	int err;

	if (!r.command)
		return cli_usage(cli, "needs --exec CMD");
	if (cli_number(cli, OPTION_WITHIN, 1, WITHIN_MAX_S, WITHIN_S, &r.within_s))
		return EK_EXIT_USAGE;
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	err = restart_all(&r, &service);
	return finish(&r, err);
}

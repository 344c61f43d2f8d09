// SPDX-License-Identifier: GPL-2.0
/* status, once or again and again. */
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "cli/client.h"
#include "cli/status.h"
#include "lib/cleanup.h"

#define INTERVAL_MIN_S 0.1
#define INTERVAL_MAX_S 3600

/* Set by the signal handler alone. Without SA_RESTART a signal also ends a wait for the daemon. */
static volatile sig_atomic_t interrupted;

static void interrupt(int signal_number)
{
	interrupted = 1;
}

static void interrupt_catch(void)
{
	struct sigaction action = { .sa_handler = interrupt };

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

static void once_print(const struct cli *cli, const json_t *status)
{
	status_print(stdout, status, NULL);
}

/* On a terminal over the print before: line by line, so that nothing flickers. */
static void print_in_place(const char *text)
{
	fputs("\033[H", stdout);
	for (; *text; text++) {
		if (*text == '\n')
			fputs("\033[K", stdout);
		putchar(*text);
	}
	fputs("\033[J", stdout);
}

static void watch_print(const json_t *status, const json_t *before, bool first)
{
	_cleanup_(free_ptr) char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return;
	status_print(out, status, before);
	if (fclose(out))
		return;
	if (isatty(STDOUT_FILENO))
		print_in_place(text);
	else
		printf("%s%s", first ? "" : "\n", text);
}

/* Waits until `*next`, and moves it on: prints do not drift. */
static void wait_until(struct timespec *next, double interval_s)
{
	long nanoseconds = next->tv_nsec + lround(fmod(interval_s, 1) * 1e9);

	next->tv_sec += (time_t)interval_s + nanoseconds / 1000000000;
	next->tv_nsec = nanoseconds % 1000000000;
	if (!interrupted)
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, next, NULL);
}

/* Prints until interrupted, or `count` times if it is not 0. A daemon that is gone for a while
 * is said and waited for: that is when people watch. */
static int watch(const struct cli *cli, double interval_s, uint32_t count)
{
	_cleanup_(json_release) json_t *before = NULL;
	struct timespec next;
	int status = EK_EXIT_DONE;

	interrupt_catch();
	clock_gettime(CLOCK_MONOTONIC, &next);
	for (uint32_t i = 0; !interrupted; wait_until(&next, interval_s)) {
		json_t *now = NULL;

		status = client_run(cli, "status", json_object(), &now);
		if (!now && !before && !interrupted)
			return status;
		if (now && cli_json(cli))
			fact_print(now, true);
		else if (now)
			watch_print(now, before, !before);
		fflush(stdout);
		if (ferror(stdout))
			break;
		if (now) {
			json_decref(before);
			before = now;
		}
		if (++i == count)
			break;
	}
	return interrupted ? EK_EXIT_DONE : status;
}

int cmd_status(struct cli *cli)
{
	const char *interval = cli->option[OPTION_WATCH];
	double interval_s = 1;
	uint32_t count;
	char *end;

	if (!interval && cli->option[OPTION_COUNT])
		return cli_usage(cli, "--count needs --watch");
	if (cli_number(cli, OPTION_COUNT, 1, UINT32_MAX, 0, &count))
		return EK_EXIT_USAGE;
	if (!interval)
		return client_show(cli, "status", json_object(), once_print);
	if (*interval) {
		interval_s = strtod(interval, &end);
		if (*end || !(interval_s >= INTERVAL_MIN_S && interval_s <= INTERVAL_MAX_S))
			return cli_usage(cli,
					 "--watch: \"%s\" is not a number of seconds from %g to %d",
					 interval, INTERVAL_MIN_S, INTERVAL_MAX_S);
	}
	return watch(cli, interval_s, count);
}

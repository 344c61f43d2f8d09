// SPDX-License-Identifier: GPL-2.0
/* apply, rollback, and what every change of the configuration prints. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/change.h"
#include "cli/file.h"
#include "lib/cleanup.h"
#include "lib/config.h"
#include "lib/diag.h"
#include "lib/gate.h"

/* A daemon that is started again is waited for so long. */
#define ABSENT_S 30
#define POLL_NS (200 * 1000 * 1000)

/* Warnings are among the messages too, which are printed already. */
static void change_print(const struct cli *cli, const json_t *result)
{
	if (fact_true(result, "overlay"))
		printf("%s (revision %" PRIu64 " stays in force)\n",
		       fact_true(result, "changed") ? "done, over every revision until it is undone"
						    : "nothing to change",
		       fact_count(result, "revision"));
	else if (fact_count(result, "undone"))
		printf("revision %" PRIu64 " is rolled back: revision %" PRIu64 " is in force\n",
		       fact_count(result, "undone"), fact_count(result, "revision"));
	else if (json_is_false(json_object_get(result, "changed")))
		printf("nothing to change: revision %" PRIu64 " stays in force\n",
		       fact_count(result, "revision"));
	else if (json_object_get(result, "revision"))
		printf("revision %" PRIu64 " is in force\n", fact_count(result, "revision"));
}

/* ---- waiting for the end --------------------------------------------------------------------- */

/* What a change is at, on stderr, when it is something else. */
static void progress_print(const json_t *change, char last[static 128])
{
	const char *phase = fact_text(change, "phase");
	char text[128];

	if (!strcmp(phase, "staging"))
		snprintf(text, sizeof(text),
			 "step %" PRIu64 " of %" PRIu64 ": %.1f %% of the slots "
			 "that it moves%s",
			 fact_count(change, "step"), fact_count(change, "steps"),
			 100 * fact_share(change, "moved"),
			 fact_count(change, "unproven_steps") ? " (unproven: too little traffic)"
							      : "");
	else if (!strcmp(phase, "watching") && !fact_count(change, "watch_s") &&
		 fact_count(change, "confirm_within_s"))
		snprintf(text, sizeof(text), "waits for evenkeel confirm");
	else if (!strcmp(phase, "watching"))
		snprintf(text, sizeof(text), "in force, and watched");
	else
		return;
	if (!strcmp(text, last))
		return;
	strcpy(last, text);
	fprintf(stderr, "revision %" PRIu64 ": %s\n", fact_count(change, "revision"), text);
}

static void end_print(const struct cli *cli, const json_t *change)
{
	const char *phase = fact_text(change, "phase"), *reason = fact_text(change, "reason");
	uint64_t revision = fact_count(change, "revision");

	if (cli_json(cli)) {
		fact_print(change, false);
		return;
	}
	if (!strcmp(phase, "known good") || !strcmp(phase, "in force"))
		printf("revision %" PRIu64 " is %s\n", revision, phase);
	else if (!strcmp(phase, "held"))
		cli_error("revision %" PRIu64 " is held: %s; the backends before it are no better "
			  "now: evenkeel confirm keeps it, evenkeel rollback undoes it",
			  revision, reason);
	else
		cli_error("revision %" PRIu64 " is %s: %s; revision %" PRIu64 " is in force",
			  revision, phase, reason, fact_count(change, "in_force"));
}

/* The exit status that it ends with. The plan is part of what is printed then. */
static int wait_end(const struct cli *cli, json_int_t revision, json_t *plan)
{
	const struct timespec pause = { .tv_nsec = POLL_NS };
	unsigned int absent = 0;
	char last[128] = "";

	for (;;) {
		_cleanup_(answer_release) struct answer answer = {};
		int err = client_call(cli, "change", json_pack("{s:I}", "revision", revision),
				      &answer);

		absent = err ? absent + 1 : 0;
		if (err && absent > ABSENT_S * (1000000000 / POLL_NS))
			return client_complain(cli, err);
		if (!err && (answer.exit == EK_EXIT_USAGE || !json_object_size(answer.result)))
			return client_print(cli, &answer, end_print);
		if (!err && fact_true(answer.result, "done")) {
			json_object_set(answer.result, "plan", plan);
			end_print(cli, answer.result);
			return answer.exit;
		}
		if (!err && !cli_json(cli))
			progress_print(answer.result, last);
		nanosleep(&pause, NULL);
	}
}

/* --force needs a reason, which somebody will look for in the journal. */
static int force_add(const struct cli *cli, json_t *arguments)
{
	const char *force = cli->option[OPTION_FORCE], *reason = cli->option[OPTION_REASON];
	const char *unknown;
	unsigned int gates;

	if (!force && !reason)
		return 0;
	if (!force || !reason)
		return cli_usage(cli, "--force GATE,... and --reason TEXT belong together");
	if (gate_set_parse(&gates, force, &unknown))
		return cli_usage(cli, "--force: there is no gate \"%s\"", unknown);
	if (json_object_set_new(arguments, "force", json_string(force)) ||
	    json_object_set_new(arguments, "reason", json_string(reason)))
		return cli_error("out of memory");
	return 0;
}

static int waits_end(const struct cli *cli, const struct answer *answer)
{
	if (!cli->option[OPTION_NO_WAIT] || cli_json(cli))
		return client_print(cli, answer, change_waits_print);
	client_messages(answer);
	printf("p%" PRIu64 "\n", fact_count(answer->result, "proposal"));
	return answer->exit;
}

int change_ask(const struct cli *cli, const char *command, json_t *arguments)
{
	_cleanup_(answer_release) struct answer answer = {};
	int status = force_add(cli, arguments), err;
	const json_t *change;

	if (status) {
		json_decref(arguments);
		return status;
	}
	err = client_call(cli, command, arguments, &answer);
	if (err)
		return client_complain(cli, err);
	if (answer.exit == EK_EXIT_AWAITS_APPROVAL)
		return waits_end(cli, &answer);
	change = json_object_get(answer.result, "change");
	if (answer.exit || !json_is_object(change))
		return client_print(cli, &answer, change_print);
	client_messages(&answer);
	if (!cli->option[OPTION_NO_WAIT])
		return wait_end(cli, (json_int_t)fact_count(change, "revision"),
				json_object_get(answer.result, "plan"));
	if (cli_json(cli))
		fact_print(answer.result, false);
	else
		printf("%" PRIu64 "\n", fact_count(change, "revision"));
	return EK_EXIT_DONE;
}

/* ---- apply ----------------------------------------------------------------------------------- */

/* Options of how it is brought into force. 0, or EK_EXIT_USAGE after saying why. */
static int apply_options(const struct cli *cli, json_t *arguments)
{
	uint32_t number = 0;

	if (cli_number(cli, OPTION_BASE, 0, INT32_MAX, 0, &number))
		return EK_EXIT_USAGE;
	if (cli->option[OPTION_BASE])
		json_object_set_new(arguments, "base", json_integer(number));
	if (cli->option[OPTION_AT_ONCE])
		json_object_set_new(arguments, "at_once", json_true());
	if (cli->option[OPTION_WATCH]) {
		if (cli_seconds(cli, OPTION_WATCH, &number))
			return EK_EXIT_USAGE;
		json_object_set_new(arguments, "watch_s", json_integer(number));
	}
	if (cli->option[OPTION_CONFIRM_WITHIN]) {
		if (cli_seconds(cli, OPTION_CONFIRM_WITHIN, &number))
			return EK_EXIT_USAGE;
		json_object_set_new(arguments, "confirm_s", json_integer(number));
	}
	return 0;
}

int cmd_apply(struct cli *cli)
{
	_cleanup_(file_release) struct file file = {};
	_cleanup_(diag_release) struct diag diag = {};
	_cleanup_(config_release) struct config *config = NULL;
	json_t *arguments;
	int status;

	status = file_parse(&file, cli, cli->words[0], &config, &diag);
	if (status)
		return status;
	if (!config) {
		file_diag_print(&diag, false);
		if (cli_json(cli)) {
			_cleanup_(json_release) json_t *facts =
				file_facts(&file, NULL, &diag, NULL);

			fact_print(facts, false);
		}
		return cli_error("%s: not valid (errors: %zu): nothing changed", file.name,
				 diag.errors);
	}
	arguments = json_pack("{s:s%, s:s, s:o}", "text", file.text, file.length, "file", file.name,
			      "remove", option_list(cli, OPTION_REMOVE));
	if (apply_options(cli, arguments)) {
		json_decref(arguments);
		return EK_EXIT_USAGE;
	}
	return change_ask(cli, "apply", arguments);
}

int cmd_rollback(struct cli *cli)
{
	json_t *arguments = json_object();
	json_int_t revision;
	char *end;

	if (cli->count) {
		const char *word = cli->words[0];

		revision = strtoll(word, &end, 10);
		if (word[0] < '1' || word[0] > '9' || *end || strlen(word) > 18) {
			json_decref(arguments);
			return cli_usage(cli, "\"%s\" is no number of a revision", word);
		}
		json_object_set_new(arguments, "revision", json_integer(revision));
	}
	return change_ask(cli, "rollback", arguments);
}

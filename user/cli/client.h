/* SPDX-License-Identifier: GPL-2.0 */
/* Talking to evenkeeld: see evenkeel/ctl.h for the protocol. */
#ifndef EVENKEEL_CLI_CLIENT_H
#define EVENKEEL_CLI_CLIENT_H

#include "cli/cli.h"
#include "cli/facts.h"

struct answer {
	int exit;         /* enum ek_exit */
	json_t *result;   /* an object, owned */
	json_t *messages; /* an array of texts, or NULL; owned */
};
void answer_release(struct answer *a);

/* One request, one response. Takes `arguments` over. Says nothing; -errno if there was no
 * answer: client_complain() explains that. */
int client_call(const struct cli *cli, const char *command, json_t *arguments, struct answer *out);

/* Says on stderr why there was no answer, and what to do. Returns EK_EXIT_REFUSED. */
int client_complain(const struct cli *cli, int error);

/* True if the error means that no daemon is there at all. */
bool client_absent(int error);

/* Calls, complains, prints the answer's messages on stderr. Returns the exit status; *result
 * is set whenever an answer came, and owned by the caller. */
int client_run(const struct cli *cli, const char *command, json_t *arguments, json_t **result);

/* Prints the answer's messages on stderr. */
void client_messages(const struct answer *answer);

/* Shows a result to people. */
typedef void (*client_printer)(const struct cli *cli, const json_t *result);

/* Prints the messages on stderr and the result: as JSON if asked for, else by `print`, which is
 * not called with an empty one. Returns the exit status. */
int client_print(const struct cli *cli, const struct answer *answer, client_printer print);

/* Calls, then complains or prints. Returns the exit status. */
int client_show(const struct cli *cli, const char *command, json_t *arguments,
		client_printer print);

#endif

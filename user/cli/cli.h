/* SPDX-License-Identifier: GPL-2.0 */
/* The command `evenkeel`: what its parts share. */
#ifndef EVENKEEL_CLI_CLI_H
#define EVENKEEL_CLI_CLI_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "evenkeel/ctl.h"

enum cli_option {
	OPTION_HELP,
	OPTION_JSON,
	OPTION_SOCKET,
	OPTION_PINS,
	OPTION_TIMEOUT,
	OPTION_GENERIC,
	OPTION_YES,
	OPTION_WATCH,
	OPTION_COUNT,
	OPTION_WEIGHT,
	OPTION_NEW_FLOWS,
	OPTION_UDP_PACKETS,
	OPTION_LIMIT,
	OPTION_EVENTS,
	OPTION_SORT,
	OPTION_ONCE,
	OPTION_BACKUP,
	OPTION_EXEC,
	OPTION_WITHIN,
	OPTION_UNCHECKED,
	OPTION_HEAD,
	OPTION_BASE,
	OPTION_AT_ONCE,
	OPTION_CONFIRM_WITHIN,
	OPTION_NO_WAIT,
	OPTION_FROM,
	OPTION_REMOVE,
	OPTION_STRICT,
	OPTION_FORMAT,
	OPTION_LIVE,
	OPTION_LOSE,
	OPTION_LOAD,
	OPTION_FORCE,
	OPTION_REASON,
	OPTION_SIGNATURE,
	OPTIONS
};
#define OPTION_BIT(option) (1ull << (option))
/* Understood by every command. */
#define OPTIONS_GLOBAL                                                                             \
	(OPTION_BIT(OPTION_HELP) | OPTION_BIT(OPTION_JSON) | OPTION_BIT(OPTION_SOCKET) |           \
	 OPTION_BIT(OPTION_PINS) | OPTION_BIT(OPTION_TIMEOUT))

struct option_info {
	const char *name;
	const char *value;   /* what it takes, for help; NULL: nothing */
	bool value_optional; /* only as --name=VALUE, and may be left out */
	const char *text;
};
extern const struct option_info cli_options[OPTIONS];

struct command;

/* One run of the command. */
struct cli {
	const struct command *command; /* NULL until it is known */
	const char *option[OPTIONS];   /* the value, "" if given without one, NULL if not given */
	const char **words;            /* what is no option; after cli_find(): the arguments */
	size_t count;
};

/* A row of the table of commands: dispatch, usage, help and completion; the synopsis of the
 * man page is compared with it. */
struct command {
	const char *name;        /* "backend add" */
	const char *synopsis;    /* its arguments and options */
	const char *alternative; /* another form of them, or NULL */
	const char *summary;     /* half a line */
	const char *detail;      /* the rest of --help: text and examples */
	uint64_t options;        /* OPTION_BIT()s beyond the global ones */
	size_t min, max;         /* arguments */
	int (*run)(struct cli *cli);
	bool hidden;
};
extern const struct command cli_commands[];
extern const size_t cli_command_count;

#define CLI_ANY SIZE_MAX

/* Sorts argv into options and words. 0, or EK_EXIT_USAGE after saying why. */
int cli_parse(struct cli *cli, int argc, char **argv);

/* Finds the command that the first words name, checks its options and the number of its
 * arguments, unless help is wanted. 0, or EK_EXIT_USAGE after saying why. With --help the words
 * may also be a family's name alone: then there is no command. */
int cli_find(struct cli *cli);

/* The command with that full name, or NULL. */
const struct command *cli_command(const char *name);

/* True if a command's name begins with the word `family` and has a second word. */
bool cli_in_family(const struct command *command, const char *family);

void cli_help(void);                      /* all commands */
void cli_help_family(const char *family); /* "backend": its commands */
void cli_help_command(const struct command *command);

/* Says what is wrong with the command line and which help to read. Returns EK_EXIT_USAGE. */
int cli_usage(const struct cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Prints "evenkeel: ..." on stderr. Returns EK_EXIT_REFUSED. */
int cli_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The number given to an option, between min and max; `fallback` if it was not given. 0, or
 * EK_EXIT_USAGE after saying why. */
int cli_number(const struct cli *cli, enum cli_option option, uint32_t min, uint32_t max,
	       uint32_t fallback, uint32_t *out);

/* The seconds given to an option, "90", "60s", "5m" or "1h", at most a day. 0, or EK_EXIT_USAGE after
 * saying why. */
int cli_seconds(const struct cli *cli, enum cli_option option, uint32_t *out);

static inline const char *cli_socket(const struct cli *cli)
{
	return cli->option[OPTION_SOCKET] ? cli->option[OPTION_SOCKET] : EK_DEFAULT_SOCKET;
}
static inline const char *cli_pins(const struct cli *cli)
{
	return cli->option[OPTION_PINS] ? cli->option[OPTION_PINS] : EK_DEFAULT_PINS;
}
static inline bool cli_json(const struct cli *cli)
{
	return cli->option[OPTION_JSON] != NULL;
}

/* The commands, each in the file of its family. They return the exit status. */
int cmd_attach(struct cli *cli);
int cmd_detach(struct cli *cli);
int cmd_confirm(struct cli *cli);
int cmd_apply(struct cli *cli);
int cmd_rollback(struct cli *cli);
int cmd_check(struct cli *cli);
int cmd_plan(struct cli *cli);
int cmd_status(struct cli *cli);
int cmd_top(struct cli *cli);
int cmd_clients(struct cli *cli);
int cmd_metrics(struct cli *cli);
int cmd_service_list(struct cli *cli);
int cmd_service_show(struct cli *cli);
int cmd_backend_add(struct cli *cli);
int cmd_backend_set(struct cli *cli);
int cmd_backend_drain(struct cli *cli);
int cmd_backend_undrain(struct cli *cli);
int cmd_backend_remove(struct cli *cli);
int cmd_backend_restart_each(struct cli *cli);
int cmd_backend_setup(struct cli *cli);
int cmd_decap_attach(struct cli *cli);
int cmd_decap_detach(struct cli *cli);
int cmd_decap_status(struct cli *cli);
int cmd_approve(struct cli *cli);
int cmd_reject(struct cli *cli);
int cmd_proposals(struct cli *cli);
int cmd_rekey(struct cli *cli);
int cmd_explain(struct cli *cli);
int cmd_history(struct cli *cli);
int cmd_show(struct cli *cli);
int cmd_diff(struct cli *cli);
int cmd_blame(struct cli *cli);
int cmd_audit_log(struct cli *cli);
int cmd_audit_verify(struct cli *cli);
int cmd_doctor(struct cli *cli);
int cmd_drill(struct cli *cli);
int cmd_version(struct cli *cli);
int cmd_help(struct cli *cli);
int cmd_completion_words(struct cli *cli);

#endif

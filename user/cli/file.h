/* SPDX-License-Identifier: GPL-2.0 */
/* A configuration file as check and apply take it. */
#ifndef EVENKEEL_CLI_FILE_H
#define EVENKEEL_CLI_FILE_H

#include "cli/cli.h"

struct config;
struct diag;
struct lint_report;

struct file {
	const char *name; /* for people: "stdin" for "-" */
	char *text;
	size_t length;
};
void file_release(struct file *f);

/* Reads all of it. 0, or EK_EXIT_REFUSED after saying why. */
int file_read(struct file *f, const char *path);

/* Reads and parses it, with what --remove says. 0 and a configuration, NULL if it is not valid: `d`
 * says why; or EK_EXIT_REFUSED or EK_EXIT_USAGE after saying why. */
int file_parse(struct file *f, const struct cli *cli, const char *path, struct config **out,
	       struct diag *d);

/* {file, valid, services, backends, diagnostics: [{severity, line, column, text}]}; `config` is
 * NULL where there were errors. Lints, if there are any, are among the diagnostics, with {lint,
 * service, backend, silenced}. */
json_t *file_facts(const struct file *f, const struct config *config, const struct diag *diag,
		   const struct lint_report *lints);

/* Prints the diagnostics on stderr, warnings too if asked for. */
void file_diag_print(const struct diag *diag, bool warnings);
/* And what lints found, but for what is silenced. */
void file_lints_print(const struct lint_report *lints, const char *file);

/* The names of a list "a,b,c" given to an option: an array, empty if it was not given. NULL when
 * memory runs out. */
json_t *option_list(const struct cli *cli, enum cli_option option);

#endif

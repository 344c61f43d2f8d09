/* SPDX-License-Identifier: GPL-2.0 */
/* A configuration file as check and apply take it. */
#ifndef EVENKEEL_CLI_FILE_H
#define EVENKEEL_CLI_FILE_H

#include "cli/cli.h"

struct config;
struct diag;

struct file {
	const char *name; /* for people: "stdin" for "-" */
	char *text;
	size_t length;
};
void file_release(struct file *f);

/* Reads all of it. 0, or EK_EXIT_REFUSED after saying why. */
int file_read(struct file *f, const char *path);

/* {file, valid, services, backends, diagnostics: [{severity, line, column, text}]}; `config` is
 * NULL where there were errors. */
json_t *file_facts(const struct file *f, const struct config *config, const struct diag *diag);

/* Prints the diagnostics on stderr, warnings too if asked for. */
void file_diag_print(const struct diag *diag, bool warnings);

#endif

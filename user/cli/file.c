// SPDX-License-Identifier: GPL-2.0
#include "cli/file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/cleanup.h"
#include "lib/config.h"
#include "lib/diag.h"

/* A request with more than this is refused by evenkeeld anyway. */
#define FILE_MAX EK_CTL_REQUEST_MAX

void file_release(struct file *f)
{
	free(f->text);
	f->text = NULL;
}

static int read_all(struct file *f, FILE *in)
{
	_cleanup_(free_ptr) char *text = malloc(FILE_MAX + 1);
	size_t length;

	if (!text)
		return cli_error("out of memory");
	length = fread(text, 1, FILE_MAX + 1, in);
	if (ferror(in))
		return cli_error("cannot read %s: %s", f->name, strerror(errno));
	if (length > FILE_MAX)
		return cli_error("%s is larger than %u MiB: split it", f->name, FILE_MAX >> 20);
	f->length = length;
	f->text = take_ptr(text);
	return 0;
}

int file_read(struct file *f, const char *path)
{
	_cleanup_(close_file) FILE *in = NULL;

	if (!strcmp(path, "-")) {
		f->name = "stdin";
		return read_all(f, stdin);
	}
	f->name = path;
	in = fopen(path, "re");
	if (!in)
		return cli_error("cannot open %s: %s", path, strerror(errno));
	return read_all(f, in);
}

json_t *file_facts(const struct file *f, const struct config *config, const struct diag *diag)
{
	json_t *list = json_array();
	size_t backends = 0;

	for (size_t i = 0; i < diag->count; i++) {
		const struct diag_entry *e = &diag->entries[i];

		json_array_append_new(
			list, json_pack("{s:s, s:i, s:i, s:s}", "severity",
					e->severity == DIAG_ERROR ? "error" : "warning", "line",
					(int)e->line, "column", (int)e->column, "text", e->text));
	}
	for (size_t i = 0; config && i < config->service_count; i++)
		backends += config->services[i].backend_count;
	return json_pack("{s:s, s:b, s:I, s:I, s:o}", "file", f->name, "valid", config != NULL,
			 "services", (json_int_t)(config ? config->service_count : 0), "backends",
			 (json_int_t)backends, "diagnostics", list);
}

void file_diag_print(const struct diag *diag, bool warnings)
{
	for (size_t i = 0; i < diag->count; i++) {
		_cleanup_(free_ptr) char *line = NULL;

		if (!warnings && diag->entries[i].severity == DIAG_WARNING)
			continue;
		line = diag_line(diag, i);
		fprintf(stderr, "%s\n", line ? line : diag->entries[i].text);
	}
	if (diag->out_of_memory)
		cli_error("out of memory: there are more mistakes than shown");
}

// SPDX-License-Identifier: GPL-2.0
#include "cli/file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/facts.h"
#include "lib/cleanup.h"
#include "lib/config.h"
#include "lib/diag.h"
#include "lib/lint.h"

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

json_t *option_list(const struct cli *cli, enum cli_option option)
{
	const char *text = cli->option[option] ? cli->option[option] : "";
	json_t *list = json_array();

	while (list && *text) {
		size_t length = strcspn(text, ",");

		if (length && json_array_append_new(list, json_stringn(text, length))) {
			json_decref(list);
			return NULL;
		}
		text += length + (text[length] == ',');
	}
	return list;
}

static int removals_add(const struct cli *cli, struct config *c)
{
	_cleanup_(json_release) json_t *names = option_list(cli, OPTION_REMOVE);
	const json_t *name;
	size_t i;

	json_array_foreach(names, i, name) {
		int err = config_removal_add(c, json_string_value(name));

		if (err == -EINVAL)
			return cli_usage(cli,
					 "--remove %s: that is neither a service's name nor a "
					 "listener",
					 json_string_value(name));
		if (err)
			return cli_error("out of memory");
	}
	return names ? 0 : cli_error("out of memory");
}

int file_parse(struct file *f, const struct cli *cli, const char *path, struct config **out,
	       struct diag *d)
{
	if (file_read(f, path))
		return EK_EXIT_REFUSED;
	d->file = f->name;
	config_parse(out, f->text, f->length, d);
	diag_sort(d);
	return *out ? removals_add(cli, *out) : 0;
}

static const char *severity_name(bool error)
{
	return error ? "error" : "warning";
}

static json_t *finding_facts(const struct lint_finding *l)
{
	json_t *facts = json_pack("{s:s, s:i, s:i, s:s, s:s}", "severity",
				  severity_name(lint_severity(l->lint) == LINT_ERROR), "line",
				  (int)l->place.line, "column", (int)l->place.column, "text",
				  l->text, "lint", lint_name(l->lint));

	json_object_set_new(facts, "service", json_string(l->service));
	json_object_set_new(facts, "backend", json_string(l->backend));
	json_object_set_new(facts, "silenced",
			    l->silence ? json_string(l->silence->reason) : json_null());
	return facts;
}

json_t *file_facts(const struct file *f, const struct config *config, const struct diag *diag,
		   const struct lint_report *lints)
{
	json_t *list = json_array();
	size_t backends = 0;

	for (size_t i = 0; i < diag->count; i++) {
		const struct diag_entry *e = &diag->entries[i];

		json_array_append_new(list, json_pack("{s:s, s:i, s:i, s:s}", "severity",
						      severity_name(e->severity == DIAG_ERROR),
						      "line", (int)e->line, "column",
						      (int)e->column, "text", e->text));
	}
	for (size_t i = 0; lints && i < lints->count; i++)
		json_array_append_new(list, finding_facts(&lints->findings[i]));
	for (size_t i = 0; config && i < config->service_count; i++)
		backends += config->services[i].backend_count;
	return json_pack("{s:s, s:b, s:I, s:I, s:o}", "file", f->name, "valid",
			 config && !(lints && lints->errors), "services",
			 (json_int_t)(config ? config->service_count : 0), "backends",
			 (json_int_t)backends, "diagnostics", list);
}

void file_lints_print(const struct lint_report *lints, const char *file)
{
	for (size_t i = 0; i < lints->count; i++) {
		_cleanup_(free_ptr) char *line = NULL;

		if (lints->findings[i].silence)
			continue;
		line = lint_line(&lints->findings[i], file);
		fprintf(stderr, "%s\n", line ? line : lints->findings[i].text);
	}
	if (lints->out_of_memory)
		cli_error("out of memory: there is more to find than shown");
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

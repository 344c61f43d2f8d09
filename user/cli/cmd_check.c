// SPDX-License-Identifier: GPL-2.0
/* check: judges the file by the code that evenkeeld runs too. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/client.h"
#include "cli/file.h"
#include "lib/cleanup.h"
#include "lib/config.h"
#include "lib/diag.h"
#include "lib/lint.h"
#include "lib/sarif.h"

enum format { FORMAT_TEXT, FORMAT_JSON, FORMAT_SARIF };

static int format_choose(const struct cli *cli, enum format *out)
{
	static const char *const names[] = { "text", "json", "sarif" };
	const char *wanted = cli->option[OPTION_FORMAT];

	*out = cli_json(cli) ? FORMAT_JSON : FORMAT_TEXT;
	if (!wanted)
		return 0;
	for (enum format f = FORMAT_TEXT; f <= FORMAT_SARIF; f++) {
		if (!strcmp(wanted, names[f])) {
			*out = f;
			return 0;
		}
	}
	return cli_usage(cli, "--format %s: text, json or sarif is expected", wanted);
}

/* ---- what it is compared with ---------------------------------------------------------------- */

struct beside {
	struct file file;
	struct config *old;
	json_t *answer; /* of evenkeeld */
	struct lint_live *live;
	size_t live_count;
};

static void beside_release(struct beside *b)
{
	file_release(&b->file);
	config_free(b->old);
	json_decref(b->answer);
	free(b->live);
}

static int old_parse(struct beside *b, const char *text, size_t length, const char *name)
{
	_cleanup_(diag_release) struct diag diag = { .file = name };

	if (!config_parse(&b->old, text, length, &diag))
		return 0;
	diag_sort(&diag);
	file_diag_print(&diag, false);
	return cli_error("%s: not valid (errors: %zu): it cannot be compared with", name,
			 diag.errors);
}

/* What evenkeeld has in force, and who answered it. */
static int live_ask(const struct cli *cli, struct beside *b, const struct file *file)
{
	const json_t *list, *one;
	const char *old;
	size_t i;
	int status = client_run(cli, "plan",
				json_pack("{s:s%, s:s, s:b}", "text", file->text, file->length,
					  "file", file->name, "check", true),
				&b->answer);

	if (status)
		return status;
	old = fact_text(b->answer, "in_force");
	list = json_object_get(b->answer, "live");
	b->live = calloc(json_array_size(list) + 1, sizeof(*b->live));
	if (!b->live)
		return cli_error("out of memory");
	json_array_foreach(list, i, one)
		b->live[b->live_count++] = (struct lint_live){
			.service = fact_text(one, "service"),
			.backend = fact_text(one, "backend"),
			.passes = fact_true(one, "passes"),
			.reason = fact_text(one, "reason"),
		};
	return *old && !b->old ? old_parse(b, old, strlen(old), "the revision in force") : 0;
}

static int beside_find(const struct cli *cli, struct beside *b, const struct file *file)
{
	const char *from = cli->option[OPTION_FROM];
	int status = 0;

	if (from) {
		if (file_read(&b->file, from))
			return EK_EXIT_REFUSED;
		status = old_parse(b, b->file.text, b->file.length, b->file.name);
	}
	if (!status && cli->option[OPTION_LIVE])
		status = live_ask(cli, b, file);
	return status;
}

/* ---- what is found --------------------------------------------------------------------------- */

static void text_print(const struct file *file, const struct config *config,
		       const struct diag *diag, const struct lint_report *lints)
{
	size_t backends = 0;

	file_diag_print(diag, true);
	file_lints_print(lints, file->name);
	for (size_t i = 0; config && i < config->service_count; i++)
		backends += config->services[i].backend_count;
	if (!config || lints->errors)
		cli_error("%s: not valid (errors: %zu)", file->name, diag->errors + lints->errors);
	else
		printf("%s: valid (services: %zu, backends: %zu)\n", file->name,
		       config->service_count, backends);
}

static void print(enum format format, const struct file *file, const struct config *config,
		  const struct diag *diag, const struct lint_report *lints)
{
	_cleanup_(json_release) json_t *json = NULL;

	if (format == FORMAT_TEXT) {
		text_print(file, config, diag, lints);
		return;
	}
	json = format == FORMAT_SARIF ? sarif_json(diag, lints, file->name, EK_VERSION)
				      : file_facts(file, config, diag, lints);
	if (json)
		fact_print(json, false);
	else
		cli_error("out of memory");
}

int cmd_check(struct cli *cli)
{
	_cleanup_(file_release) struct file file = {};
	_cleanup_(diag_release) struct diag diag = {};
	_cleanup_(config_release) struct config *config = NULL;
	_cleanup_(beside_release) struct beside beside = {};
	_cleanup_(lint_release) struct lint_report lints = {};
	enum format format;
	int status = format_choose(cli, &format);

	status = status ?: file_parse(&file, cli, cli->words[0], &config, &diag);
	if (!status && config)
		status = beside_find(cli, &beside, &file);
	if (status)
		return status;
	if (config)
		lint_run(&lints, &(struct lint_input){
					 .config = config,
					 .text = file.text,
					 .length = file.length,
					 .old = beside.old,
					 .live = beside.live,
					 .live_count = beside.live_count,
				 });
	print(format, &file, config, &diag, &lints);
	if (!config || lints.errors || lints.out_of_memory)
		return EK_EXIT_REFUSED;
	if (cli->option[OPTION_STRICT] && (lints.warnings || diag.count))
		return EK_EXIT_REFUSED;
	return EK_EXIT_DONE;
}

// SPDX-License-Identifier: GPL-2.0
/* plan: what a change would do. Of two files it is worked out here; else by evenkeeld, which knows
 * what is in force, who answers, and the traffic: by the same code. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/client.h"
#include "cli/file.h"
#include "lib/cleanup.h"
#include "lib/review.h"

#define LOAD_MIN 0.01
#define LOAD_MAX 1000.0

static int load_parse(const struct cli *cli, double *out)
{
	const char *text = cli->option[OPTION_LOAD];
	char *end;

	*out = 1;
	if (!text)
		return 0;
	*out = strtod(text, &end);
	if (*end || strspn(text, "0123456789.") != strlen(text) ||
	    !(*out >= LOAD_MIN && *out <= LOAD_MAX))
		return cli_usage(cli, "--load: \"%s\" is not a number from %.2f to %.0f", text,
				 LOAD_MIN, LOAD_MAX);
	return 0;
}

/* ---- of two files ---------------------------------------------------------------------------- */

static int complain(const struct file *file, struct diag *diag)
{
	file_diag_print(diag, false);
	return cli_error("%s: not valid (errors: %zu)", file->name, diag->errors);
}

static const char **names_of(const json_t *list)
{
	const char **names = calloc(json_array_size(list) + 1, sizeof(*names));
	const json_t *name;
	size_t i;

	json_array_foreach(list, i, name) {
		if (names)
			names[i] = json_string_value(name);
	}
	return names;
}

static int review_print(const struct cli *cli, const struct review *r, const char *file)
{
	_cleanup_(json_release) json_t *json = cli_json(cli) ? review_json(r) : NULL;
	_cleanup_(free_ptr) char *text = review_text(r, file);

	if (!text || (cli_json(cli) && !json))
		return cli_error("out of memory");
	if (json)
		fact_print(json, false);
	else
		fputs(*text ? text : "nothing changes\n", stdout);
	return review_refuses(r) ? EK_EXIT_REFUSED : EK_EXIT_DONE;
}

static int review_files(const struct cli *cli, const struct file *file, const struct config *old,
			const struct config *now, double load)
{
	_cleanup_(json_release) json_t *lose = option_list(cli, OPTION_LOSE);
	_cleanup_(free_ptr) const char **names = names_of(lose);
	_cleanup_(review_release) struct review review = {};
	struct review_input in = {
		.plan = { .old = old, .now = now, .lose = names, .load = load },
		.text = file->text,
		.length = file->length,
		.file = file->name,
	};

	in.plan.lose_count = json_array_size(lose);
	in.plan.all = in.plan.lose_count > 0;
	if (!names)
		return cli_error("out of memory");
	if (plan_unknown_name(&in.plan))
		return cli_usage(cli, "--lose: there is no backend %s",
				 plan_unknown_name(&in.plan));
	if (review_make(&review, &in))
		return cli_error("out of memory");
	return review_print(cli, &review, file->name);
}

static int plan_files(const struct cli *cli, double load)
{
	_cleanup_(file_release) struct file old_file = {}, file = {};
	_cleanup_(diag_release) struct diag old_diag = {}, diag = {};
	_cleanup_(config_release) struct config *old = NULL, *now = NULL;
	int status;

	if (!cli->count)
		return cli_usage(cli, "--from OLD needs a FILE to compare");
	if (file_read(&old_file, cli->option[OPTION_FROM]))
		return EK_EXIT_REFUSED;
	old_diag.file = old_file.name;
	if (config_parse(&old, old_file.text, old_file.length, &old_diag)) {
		diag_sort(&old_diag);
		return complain(&old_file, &old_diag);
	}
	status = file_parse(&file, cli, cli->words[0], &now, &diag);
	if (status)
		return status;
	return now ? review_files(cli, &file, old, now, load) : complain(&file, &diag);
}

/* ---- by evenkeeld ---------------------------------------------------------------------------- */

static void plan_print(const struct cli *cli, const json_t *result)
{
	const char *text = fact_text(result, "text");

	fputs(*text ? text : "nothing changes\n", stdout);
}

static int plan_asked(const struct cli *cli, double load)
{
	_cleanup_(file_release) struct file file = {};
	json_t *arguments = json_pack("{s:o, s:o, s:f}", "lose", option_list(cli, OPTION_LOSE),
				      "remove", option_list(cli, OPTION_REMOVE), "load", load);

	if (cli->count) {
		if (file_read(&file, cli->words[0])) {
			json_decref(arguments);
			return EK_EXIT_REFUSED;
		}
		if (json_object_set_new(arguments, "text", json_stringn(file.text, file.length)) ||
		    json_object_set_new(arguments, "file", json_string(file.name))) {
			json_decref(arguments);
			return cli_error("%s is not UTF-8 text; see evenkeel check %s", file.name,
					 file.name);
		}
	}
	return client_show(cli, "plan", arguments, plan_print);
}

int cmd_plan(struct cli *cli)
{
	double load;
	int status = load_parse(cli, &load);

	if (status)
		return status;
	if (!cli->option[OPTION_FROM] && !cli->count && !cli->option[OPTION_LOSE] &&
	    !cli->option[OPTION_LOAD])
		return cli_usage(cli, "needs a FILE, or --lose, or --load");
	return cli->option[OPTION_FROM] ? plan_files(cli, load) : plan_asked(cli, load);
}

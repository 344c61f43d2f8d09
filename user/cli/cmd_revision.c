// SPDX-License-Identifier: GPL-2.0
/* show, diff, blame: revisions of the past, and who brought what. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/client.h"
#include "cli/units.h"
#include "lib/cleanup.h"
#include "lib/config_diff.h"

static int number_of(const struct cli *cli, const char *word, json_int_t *out)
{
	char *end;

	*out = strtoll(word, &end, 10);
	if (word[0] < '0' || word[0] > '9' || *end || strlen(word) > 18)
		return cli_usage(cli, "\"%s\" is no number of a revision", word);
	return 0;
}

/* "from 198.51.100.7", or nothing. */
static void who_print(const char *before, const json_t *r)
{
	const char *origin = fact_text(r, "origin");
	char when[UNITS_MAX];

	printf("%s%s by %s%s%s (%s)\n", before, units_time((int64_t)fact_count(r, "time"), when),
	       fact_text(r, "user"), *origin ? " from " : "", origin, fact_text(r, "command"));
}

/* A file that can be applied: what is known of the revision stands in comments. */
static void show_print(const struct cli *cli, const json_t *r)
{
	char when[UNITS_MAX];

	printf("# revision %" PRIu64 ", %s\n", fact_count(r, "revision"), fact_text(r, "state"));
	who_print("# proposed ", r);
	if (fact_count(r, "good"))
		printf("# known good since %s\n", units_time((int64_t)fact_count(r, "good"), when));
	if (*fact_text(r, "detail"))
		printf("# %s\n", fact_text(r, "detail"));
	printf("# sha256 %s\n%s\n", fact_text(r, "hash"), fact_text(r, "text"));
}

int cmd_show(struct cli *cli)
{
	json_int_t number;
	int status = number_of(cli, cli->words[0], &number);

	return status ? status
		      : client_show(cli, "revision", json_pack("{s:I}", "revision", number),
				    show_print);
}

/* ---- diff ------------------------------------------------------------------------------------ */

static int diff_print(const struct cli *cli, const json_t *const *revisions)
{
	_cleanup_(config_diff_release) struct config_diff d = {};
	_cleanup_(json_release) json_t *lines = json_array();

	if (config_diff_make(&d, fact_text(revisions[0], "text"), fact_text(revisions[1], "text")))
		return cli_error("the texts of these revisions cannot be compared");
	for (size_t i = 0; i < d.count; i++) {
		_cleanup_(free_ptr) char *line = config_difference_line(&d.entries[i]);

		if (cli_json(cli))
			json_array_append_new(lines,
					      json_pack("{s:s, s:s}", "path", d.entries[i].path,
							"text", d.entries[i].text));
		else
			puts(line ? line : "out of memory");
	}
	if (cli_json(cli)) {
		_cleanup_(json_release) json_t *result = json_pack("{s:O}", "differences", lines);

		fact_print(result, false);
	}
	return EK_EXIT_DONE;
}

int cmd_diff(struct cli *cli)
{
	json_t *revisions[2] = {};
	int status = 0;

	for (size_t i = 0; !status && i < 2; i++) {
		json_int_t number;

		status = number_of(cli, cli->words[i], &number);
		if (!status)
			status = client_run(cli, "revision", json_pack("{s:I}", "revision", number),
					    &revisions[i]);
	}
	if (!status)
		status = diff_print(cli, (const json_t *const *)revisions);
	json_decref(revisions[0]);
	json_decref(revisions[1]);
	return status;
}

/* ---- blame ----------------------------------------------------------------------------------- */

static void blame_print(const struct cli *cli, const json_t *result)
{
	_cleanup_(free_ptr) char *line = json_dumps(json_object_get(result, "line"), JSON_COMPACT);

	printf("%s/%s %s\n", fact_text(result, "service"), fact_text(result, "backend"),
	       line ? line : "");
	printf("revision %" PRIu64 ", ", fact_count(result, "revision"));
	who_print("", result);
}

int cmd_blame(struct cli *cli)
{
	return client_show(cli, "blame",
			   json_pack("{s:s, s:s}", "service", cli->words[0], "backend",
				     cli->words[1]),
			   blame_print);
}

// SPDX-License-Identifier: GPL-2.0
/* doctor asks the daemon; without one it says what still forwards. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/client.h"
#include "dp/dp.h"
#include "lib/cleanup.h"

/* Each with its remedy below it. */
static void findings_print(const json_t *findings)
{
	const json_t *f;
	size_t i;

	json_array_foreach(findings, i, f) {
		const char *subject = fact_text(f, "subject"), *remedy = fact_text(f, "remedy");

		printf("%-8s %s%s%s\n", fact_text(f, "level"), subject, *subject ? ": " : "",
		       fact_text(f, "text"));
		if (*remedy)
			printf("%-8s   to mend it: %s\n", "", remedy);
	}
}

static size_t level_count(const json_t *findings, const char *level)
{
	const json_t *f;
	size_t i, count = 0;

	json_array_foreach(findings, i, f)
		count += !strcmp(fact_text(f, "level"), level);
	return count;
}

static void doctor_print(const struct cli *cli, const json_t *result)
{
	const json_t *findings = json_object_get(result, "findings");

	findings_print(findings);
	printf("checks: %zu, ok: %zu, warnings: %zu, errors: %zu\n", json_array_size(findings),
	       level_count(findings, "ok"), level_count(findings, "warning"),
	       level_count(findings, "error"));
}

static json_t *finding(const char *level, const char *check, const char *subject, const char *text,
		       const char *remedy)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:s}", "level", level, "check", check, "subject",
			 subject, "text", text, "remedy", remedy);
}

/* Without the daemon: is anything attached still, does it forward by itself? */
static void links_examine(const struct cli *cli, json_t *findings)
{
	_cleanup_(free_ptr) struct dp_link *links = NULL;
	size_t count = 0;

	if (dp_links(cli_pins(cli), &links, &count))
		count = 0;
	for (size_t i = 0; i < count; i++)
		json_array_append_new(findings,
				      links[i].ifindex
					      ? finding("ok", "attachment", links[i].interface,
							"attached; forwards without evenkeeld", "")
					      : finding("warning", "attachment", links[i].interface,
							"the interface is gone, its pin is left",
							"evenkeel detach"));
	if (!count)
		json_array_append_new(findings, finding("warning", "attachment", cli_pins(cli),
							"nothing is attached, nothing is forwarded",
							"evenkeel attach IF"));
}

int cmd_doctor(struct cli *cli)
{
	_cleanup_(answer_release) struct answer answer = {};
	int err = client_call(cli, "doctor", json_object(), &answer);
	json_t *findings;

	if (err && !client_absent(err))
		return client_complain(cli, err);
	if (err) {
		findings = json_array();
		json_array_append_new(findings,
				      finding("error", "daemon", cli_socket(cli),
					      "no evenkeeld answers: the data path goes on,"
					      " but nothing follows changes",
					      "systemctl start evenkeeld"));
		links_examine(cli, findings);
		answer.result = json_pack("{s:o}", "findings", findings);
		answer.exit = EK_EXIT_REFUSED;
	}
	return client_print(cli, &answer, doctor_print);
}

// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/client.h"
#include "evenkeel/limits.h"
#include "lib/cleanup.h"

static void daemon_print(const json_t *daemon)
{
	const char *version = fact_text(daemon, "version");

	printf("evenkeeld %s, maps version %" PRIu64 ", process %" PRIu64 "\n", version,
	       fact_count(daemon, "abi"), fact_count(daemon, "pid"));
	if (strcmp(version, EK_VERSION) != 0)
		printf("evenkeeld is of another version: systemctl restart evenkeeld\n");
}

/* A daemon that does not answer is a fact here, not a failure. */
int cmd_version(struct cli *cli)
{
	_cleanup_(answer_release) struct answer answer = {};
	_cleanup_(json_release) json_t *facts =
		json_pack("{s:s, s:i, s:i}", "version", EK_VERSION, "abi", EK_ABI_VERSION,
			  "protocol", EK_CTL_VERSION);
	int err = client_call(cli, "version", json_object(), &answer);
	bool known = !err && answer.exit == EK_EXIT_DONE;

	if (err == -EINVAL)
		return client_complain(cli, err);
	json_object_set_new(facts, "daemon", known ? json_incref(answer.result) : json_null());
	if (cli_json(cli)) {
		fact_print(facts, false);
		return EK_EXIT_DONE;
	}
	printf("evenkeel %s, maps version %d, protocol %d\n", EK_VERSION, EK_ABI_VERSION,
	       EK_CTL_VERSION);
	if (known)
		daemon_print(answer.result);
	else if (client_absent(err))
		printf("evenkeeld does not run on %s\n", cli_socket(cli));
	else if (err)
		client_complain(cli, err);
	return EK_EXIT_DONE;
}

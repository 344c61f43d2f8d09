// SPDX-License-Identifier: GPL-2.0
#include <inttypes.h>
#include <stdio.h>

#include "cli/client.h"

static void rekey_print(const struct cli *cli, const json_t *result)
{
	printf("%" PRIu64 " services have tables with a new key; all their slots are unsettled "
	       "until older flows have ended or been idle\n",
	       fact_count(result, "services"));
}

int cmd_rekey(struct cli *cli)
{
	return client_show(cli, "rekey", json_object(), rekey_print);
}

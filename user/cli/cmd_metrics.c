// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>

#include "cli/client.h"

static void metrics_print(const struct cli *cli, const json_t *result)
{
	fputs(fact_text(result, "text"), stdout);
}

int cmd_metrics(struct cli *cli)
{
	return client_show(cli, "metrics", json_object(), metrics_print);
}

/* SPDX-License-Identifier: GPL-2.0 */
/* Changes of the configuration, whole files or single backends. */
#ifndef EVENKEEL_CLI_CHANGE_H
#define EVENKEEL_CLI_CHANGE_H

#include "cli/client.h"

/* Asks for a change and prints what came of it. Takes `arguments` over. Returns the exit
 * status. */
int change_ask(const struct cli *cli, const char *command, json_t *arguments);

/* A change that waits for approvals, for people. */
void change_waits_print(const struct cli *cli, const json_t *proposal);

#endif

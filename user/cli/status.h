/* SPDX-License-Identifier: GPL-2.0 */
/* Facts about services as tables for people. */
#ifndef EVENKEEL_CLI_STATUS_H
#define EVENKEEL_CLI_STATUS_H

#include <jansson.h>
#include <stdio.h>

/* The whole status; `before` is the one of the print before, or NULL: actual shares are of the
 * packets between the two then. */
void status_print(FILE *out, const json_t *status, const json_t *before);

/* One service with its backends; `before` is the same service earlier, or NULL. */
void status_service_print(FILE *out, const json_t *service, const json_t *before);

#endif

/* SPDX-License-Identifier: GPL-2.0 */
#ifndef EVENKEEL_DAEMON_OPTIONS_H
#define EVENKEEL_DAEMON_OPTIONS_H

#include "dp/dp.h"
#include "lib/addr.h"

struct options {
	const char *state, *socket, *pins;
	const char *config;  /* told to clients, never read */
	const char *metrics; /* as given, for messages; NULL: off */
	struct endpoint metrics_at;
	const char *alert_exec;    /* NULL: no program is run */
	const char *alert_webhook; /* NULL: nothing is posted */
	struct dp_sizes sizes;
	uint32_t samples; /* packets a second to be sampled, of all services together; 0: none */
	/* How long an attachment that could cut the operator off stays without `confirm`. */
	uint32_t confirm_s;
};

/* Reads the command line. Returns -1 to go on, or the status to exit with: 0 after --help and
 * --version, 2 after a mistake, which was said on stderr. */
int options_parse(struct options *out, int argc, char **argv);

#endif

/* SPDX-License-Identifier: GPL-2.0 */
#include "daemon/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "evenkeel/ctl.h"

enum option_value {
	OPT_STATE = 256,
	OPT_SOCKET,
	OPT_PINS,
	OPT_SLOTS,
	OPT_BACKENDS,
	OPT_FLOWS,
	OPT_JUMBO,
	OPT_CONFIRM,
	OPT_CONFIG,
	OPT_METRICS,
	OPT_SAMPLES,
	OPT_ALERT_EXEC,
	OPT_ALERT_WEBHOOK
};

#define CONFIRM_S 60u
#define SAMPLES 800u
/* Prometheus' list of ports, 9100 to 9999, is full: this one is beside it. */
#define METRICS_AT "127.0.0.1:19753"

/* One table feeds getopt and --help. */
static const struct {
	const char *name, *argument, *help;
	int value;
} table[] = {
	{ "state", "DIR", "journal and flow hash key (" EK_DEFAULT_STATE ")", OPT_STATE },
	{ "socket", "PATH", "control socket (" EK_DEFAULT_SOCKET ")", OPT_SOCKET },
	{ "pins", "DIR", "folder on a bpffs (" EK_DEFAULT_PINS ")", OPT_PINS },
	{ "slots", "N", "slots of all services together, when maps are made (4194304)", OPT_SLOTS },
	{ "backends", "N", "backends of all services, when maps are made (16384)", OPT_BACKENDS },
	{ "flows", "N", "flows remembered during changes, when maps are made (1048576)",
	  OPT_FLOWS },
	{ "jumbo", NULL, "take frames of more than one buffer (an MTU beyond about 3500)",
	  OPT_JUMBO },
	{ "confirm-seconds", "N",
	  "how long an attachment that may cut you off waits for confirm (60)", OPT_CONFIRM },
	{ "config", "PATH", "told to `evenkeel version`, never read (" EK_DEFAULT_CONFIG ")",
	  OPT_CONFIG },
	{ "metrics", "AT", "where GET /metrics is answered, ADDRESS:PORT or off (" METRICS_AT ")",
	  OPT_METRICS },
	{ "samples", "N", "packets sampled a second, of all services; 0 for none (800)",
	  OPT_SAMPLES },
	{ "alert-exec", "PATH", "program run for each alert, with its JSON on standard input",
	  OPT_ALERT_EXEC },
	{ "alert-webhook", "URL", "where each alert's JSON is posted to", OPT_ALERT_WEBHOOK },
	{ "help", NULL, "this text", 'h' },
	{ "version", NULL, "the version", 'V' },
};
#define OPTIONS (sizeof(table) / sizeof(table[0]))
_Static_assert(CONFIRM_S == 60 && SAMPLES == 800 && EK_SLOTS_DEFAULT == 4194304 &&
		       EK_BACKENDS_DEFAULT == 16384 &&
		       EK_FLOW_BUCKETS_DEFAULT * EK_FLOWS_PER_BUCKET == 1048576,
	       "as in the help text");

static void usage(FILE *to)
{
	fputs("Usage: evenkeeld [OPTION]...\n"
	      "Controller of the evenkeel load balancer; evenkeel(8) talks to it.\n\n",
	      to);
	for (size_t i = 0; i < OPTIONS; i++)
		fprintf(to, "  --%-15s %-5s %s\n", table[i].name,
			table[i].argument ? table[i].argument : "", table[i].help);
}

static int number_parse(uint32_t *out, const char *name, const char *text, uint32_t min,
			uint32_t max)
{
	unsigned long long value;
	char *end;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end || errno || value < min || value > max) {
		fprintf(stderr, "evenkeeld: --%s %s: must be a number from %u to %u\n", name, text,
			min, max);
		return -EINVAL;
	}
	*out = (uint32_t)value;
	return 0;
}

/* Whole buckets, and a power of two of them, as the hash masks. */
static int flows_parse(uint32_t *out, const char *text)
{
	uint32_t flows, buckets = 1024;
	int err = number_parse(&flows, "flows", text, 4096, 1u << 30);

	if (err)
		return err;
	while (buckets < flows / EK_FLOWS_PER_BUCKET)
		buckets *= 2;
	*out = buckets;
	return 0;
}

static int metrics_parse(struct options *o, const char *text)
{
	const char *why = NULL;

	o->metrics = NULL;
	if (strcmp(text, "off") == 0)
		return 0;
	if (endpoint_parse(&o->metrics_at, text, true, &why) || o->metrics_at.proto) {
		fprintf(stderr,
			"evenkeeld: --metrics %s: must be ADDRESS:PORT (\"127.0.0.1:19753\", "
			"\"[::1]:19753\") or off%s%s\n",
			text, why ? ": " : "", why ? why : "");
		return -EINVAL;
	}
	o->metrics = text;
	return 0;
}

static int option_take(struct options *o, int option, const char *argument)
{
	switch (option) {
	case OPT_STATE:
		o->state = argument;
		return 0;
	case OPT_SOCKET:
		o->socket = argument;
		return 0;
	case OPT_PINS:
		o->pins = argument;
		return 0;
	case OPT_CONFIG:
		o->config = argument;
		return 0;
	case OPT_ALERT_EXEC:
		o->alert_exec = argument;
		return 0;
	case OPT_ALERT_WEBHOOK:
		o->alert_webhook = argument;
		return 0;
	case OPT_SAMPLES:
		/* As many as a CPU keeps until they are read. */
		return number_parse(&o->samples, "samples", argument, 0, EK_SAMPLES);
	case OPT_METRICS:
		return metrics_parse(o, argument);
	case OPT_SLOTS:
		return number_parse(&o->sizes.slots, "slots", argument, EK_TABLE_SLOTS_MIN,
				    1u << 30);
	case OPT_CONFIRM:
		return number_parse(&o->confirm_s, "confirm-seconds", argument, 1, 3600);
	case OPT_BACKENDS:
		/* Index 0 is nobody. */
		return number_parse(&o->sizes.backends, "backends", argument, 2,
				    EK_BACKEND_INDEX_MAX);
	case OPT_JUMBO:
		o->sizes.jumbo = true;
		return 0;
	case OPT_FLOWS:
		return flows_parse(&o->sizes.flow_buckets, argument);
	default:
		return -EINVAL; /* getopt has said why */
	}
}

int options_parse(struct options *out, int argc, char **argv)
{
	struct option long_options[OPTIONS + 1] = {};
	int option;

	for (size_t i = 0; i < OPTIONS; i++)
		long_options[i] =
			(struct option){ table[i].name,
					 table[i].argument ? required_argument : no_argument, NULL,
					 table[i].value };
	*out = (struct options){
		.state = EK_DEFAULT_STATE,
		.socket = EK_DEFAULT_SOCKET,
		.pins = EK_DEFAULT_PINS,
		.config = EK_DEFAULT_CONFIG,
		.confirm_s = CONFIRM_S,
		.samples = SAMPLES,
		.sizes = { .slots = EK_SLOTS_DEFAULT,
			   .backends = EK_BACKENDS_DEFAULT,
			   .flow_buckets = EK_FLOW_BUCKETS_DEFAULT },
	};
	metrics_parse(out, METRICS_AT);
	while ((option = getopt_long(argc, argv, "hV", long_options, NULL)) != -1) {
		if (option == 'h') {
			usage(stdout);
			return 0;
		}
		if (option == 'V') {
			puts("evenkeeld " EK_VERSION);
			return 0;
		}
		if (option_take(out, option, optarg)) {
			fputs("evenkeeld: try evenkeeld --help\n", stderr);
			return 2;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "evenkeeld: %s: no such argument; try evenkeeld --help\n",
			argv[optind]);
		return 2;
	}
	return -1;
}

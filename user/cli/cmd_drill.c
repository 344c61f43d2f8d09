// SPDX-License-Identifier: GPL-2.0
/* The incidents, to practise on: a script beside the program, installed or in the source tree. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"

/* Below the folder that the program is in. */
static const struct place {
	const char *script, *build;
} places[] = {
	{ "../lib/evenkeel/tests/incidents/drill.sh", "../lib/evenkeel/build" },
	{ "../tests/incidents/drill.sh", "." },
};

int cmd_drill(struct cli *cli)
{
	char self[PATH_MAX] = "", script[PATH_MAX + 64], build[PATH_MAX + 64];
	ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *name = length > 0 ? strrchr(self, '/') : NULL;

	if (!name) {
		fprintf(stderr, "evenkeel: where this program is cannot be read: %s\n",
			strerror(errno));
		return EK_EXIT_REFUSED;
	}
	*name = '\0';
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		snprintf(script, sizeof(script), "%s/%s", self, places[i].script);
		snprintf(build, sizeof(build), "%s/%s", self, places[i].build);
		if (access(script, X_OK))
			continue;
		setenv("BUILD", build, 1);
		execl(script, script, cli->count ? cli->words[0] : NULL, NULL);
		fprintf(stderr, "evenkeel: %s cannot be run: %s\n", script, strerror(errno));
		return EK_EXIT_REFUSED;
	}
	fprintf(stderr,
		"evenkeel: the drills are neither in ../lib/evenkeel nor in a source tree, seen from "
		"%s: make install brings them\n",
		self);
	return EK_EXIT_REFUSED;
}

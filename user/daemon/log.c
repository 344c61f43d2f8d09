/* SPDX-License-Identifier: GPL-2.0 */
#include "daemon/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *level_name(int level)
{
	switch (level) {
	case LOG_ERR:
		return "error: ";
	case LOG_WARNING:
		return "warning: ";
	default:
		return "";
	}
}

void log_line(int level, const char *format, ...)
{
	char line[2048];
	size_t used = 0;
	va_list arguments;

	/* The journal reads the prefix; a person at a terminal gets a word instead. */
	if (getenv("JOURNAL_STREAM"))
		used = (size_t)snprintf(line, sizeof(line), "<%d>", level);
	else
		used = (size_t)snprintf(line, sizeof(line), "evenkeeld: %s", level_name(level));
	va_start(arguments, format);
	vsnprintf(line + used, sizeof(line) - used - 1, format, arguments);
	va_end(arguments);
	for (char *p = line; *p; p++)
		if (*p == '\n')
			*p = ' ';
	used = strlen(line);
	line[used++] = '\n';
	/* One write, so that lines of several processes do not mix. Nowhere to report a failure. */
	if (write(STDERR_FILENO, line, used) < 0)
		return;
}

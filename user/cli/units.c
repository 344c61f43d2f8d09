// SPDX-License-Identifier: GPL-2.0
#include "cli/units.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* Three significant digits and the unit that is `base` to some power. */
static const char *scaled(uint64_t n, double base, const char *const units[], char *buf)
{
	double value = (double)n;
	unsigned int power = 0;

	/* 999.5 would be printed as 1000: it belongs to the next unit. */
	while (value >= (base < 1024 ? 999.5 : 1023.5) && units[power + 1]) {
		value /= base;
		power++;
	}
	snprintf(buf, UNITS_MAX, "%.*f%s",
		 value < 9.995   ? 2
		 : value < 99.95 ? 1
				 : 0,
		 value, units[power]);
	return buf;
}

const char *units_count(uint64_t n, char buf[static UNITS_MAX])
{
	static const char *const units[] = { "", "k", "M", "G", "T", "P", NULL };

	if (n >= 10000)
		return scaled(n, 1000, units, buf);
	snprintf(buf, UNITS_MAX, "%" PRIu64, n);
	return buf;
}

const char *units_bytes(uint64_t n, char buf[static UNITS_MAX])
{
	static const char *const units[] = { " B", " KiB", " MiB", " GiB", " TiB", " PiB", NULL };

	if (n >= 1024)
		return scaled(n, 1024, units, buf);
	snprintf(buf, UNITS_MAX, "%" PRIu64 " B", n);
	return buf;
}

const char *units_share(double share, char buf[static UNITS_MAX])
{
	if (share < 0)
		snprintf(buf, UNITS_MAX, "-");
	else
		snprintf(buf, UNITS_MAX, "%.1f %%", share * 100);
	return buf;
}

const char *units_time(int64_t unix_s, char buf[static UNITS_MAX])
{
	time_t t = unix_s;
	struct tm tm;

	if (unix_s <= 0 || !localtime_r(&t, &tm) ||
	    !strftime(buf, UNITS_MAX, "%Y-%m-%d %H:%M:%S", &tm))
		snprintf(buf, UNITS_MAX, "-");
	return buf;
}

static unsigned int part_of(double share, double full, unsigned int width)
{
	return share > 0 && full > 0 ? (unsigned int)lround(fmin(share / full, 1) * width) : 0;
}

const char *units_bar(double share, double expected, double full, unsigned int width,
		      char buf[static UNITS_MAX])
{
	unsigned int filled, mark;

	if (width >= UNITS_MAX)
		width = UNITS_MAX - 1;
	filled = part_of(share, full, width);
	mark = part_of(expected, full, width);
	memset(buf, '#', filled);
	memset(buf + filled, '.', width - filled);
	/* It stands on the last character that should be filled. */
	if (mark)
		buf[mark - 1] = '|';
	buf[width] = '\0';
	return buf;
}

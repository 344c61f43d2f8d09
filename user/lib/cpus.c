// SPDX-License-Identifier: GPL-2.0
#include "lib/cpus.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

#define CPU_MAX 65535ul

/* A number at *at, which moves behind it; -EINVAL. */
static int number(const char **at)
{
	unsigned long value;
	char *end;

	if (!isdigit((unsigned char)**at))
		return -EINVAL;
	value = strtoul(*at, &end, 10);
	*at = end;
	return value <= CPU_MAX ? (int)value : -EINVAL;
}

int cpus_end(const char *list)
{
	int end = 0;

	for (;;) {
		int first = number(&list), last = first;

		if (first >= 0 && *list == '-') {
			list++;
			last = number(&list);
		}
		if (first < 0 || last < first)
			return -EINVAL;
		end = last + 1 > end ? last + 1 : end;
		if (*list != ',')
			break;
		list++;
	}
	if (*list == '\n')
		list++;
	return *list ? -EINVAL : end;
}

/* SPDX-License-Identifier: GPL-2.0 */
/* The kernel's lists of CPUs, as in /sys/devices/system/cpu/possible. Pure. */
#ifndef EVENKEEL_LIB_CPUS_H
#define EVENKEEL_LIB_CPUS_H

#include <stdint.h>

/* The highest CPU of a list like "0-3,8-11" plus one: what an array indexed by CPU needs. Not how
 * many there are: a list may have gaps. -EINVAL for what is no such list, or has a CPU beyond
 * 65535. */
int cpus_end(const char *list);

#endif

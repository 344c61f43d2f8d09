/* SPDX-License-Identifier: GPL-2.0 */
/* What backends have borne, and services have had: new flows a second, from the counters of each
 * second. Known since this evenkeeld began, and while a backend keeps its index. */
#ifndef EVENKEEL_DAEMON_LOAD_H
#define EVENKEEL_DAEMON_LOAD_H

#include "daemon/daemon.h"

struct loads;

int loads_open(struct daemon *d);
void loads_close(struct loads *l);

/* Each second, after the samples. */
void loads_tick(struct daemon *d);

/* The highest minute of 7 days in which it was healthy; 0: not known. */
double loads_best(const struct daemon *d, uint32_t backend);
/* The rate of the last minute, or of the last seconds if that is higher; 0: not known. */
double loads_recent(const struct daemon *d, uint32_t backend);
/* The highest minute of a service within 24 hours; 0: not known. */
double loads_peak(const struct daemon *d, uint32_t service);

#endif

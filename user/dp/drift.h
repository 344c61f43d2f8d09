/* SPDX-License-Identifier: GPL-2.0 */
/* Drift: what in the maps is not as this controller left it. Somebody has used bpftool. It is found
 * against a memory of what was written last, told, and set right in place, by single stores.
 *
 * Not compared: counters, remembered flows, notes, and identities, by which a
 * controller that begins finds out what is there. Of an unsettled slot its default cannot be known,
 * only whether it is a backend of the service. */
#ifndef EVENKEEL_DP_DRIFT_H
#define EVENKEEL_DP_DRIFT_H

#include "dp/dp.h"
#include "lib/config.h"

/* One finding, already set right: `subject` names the thing as `evenkeel status` does, `text` says
 * what it was and what it is again. */
typedef void dp_drift_fn(void *context, const char *subject, const char *text);

/* The global record and the listeners. True if the listeners are to be laid out anew, which the
 * next dp_install() does. */
bool dp_drift_global(struct dp *dp, dp_drift_fn *found, void *context);

/* The service's record and slots; `s` is what dp_install() was given for it last. Reads every slot
 * once (a nanosecond each); its table is worked out anew only if one is wrong. -errno: it could
 * not be; 0. *wrong gets the number of slots set right. */
int dp_drift_service(struct dp *dp, uint32_t service, const struct config_service *s,
		     uint32_t *wrong, dp_drift_fn *found, void *context);

/* The paths and capacities of all backends. -errno: a path could not be put back; 0. */
int dp_drift_backends(struct dp *dp, dp_drift_fn *found, void *context);

#endif

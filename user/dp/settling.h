/* SPDX-License-Identifier: GPL-2.0 */
/* Inside dp: what a round of settling knows. */
#ifndef EVENKEEL_DP_SETTLING_H
#define EVENKEEL_DP_SETTLING_H

#include "dp/install.h"

#define UNKNOWN_S UINT32_MAX

struct dp_settling {
	/* By service, what a round needs of its configuration. A service that the configuration in
	 * hand does not have, though its tables are there, has unknown times: nothing of it is
	 * given up. */
	struct times {
		uint32_t idle_s;
		uint32_t drain_s;
		uint32_t hold_s;
	} * times;
	/* By service, what refers to its old table. */
	struct remains {
		uint32_t flows; /* remembered under it */
		uint32_t slots; /* that keep def in it */
		uint32_t busy;  /* of these, used within the idle time */
		bool held;      /* a backend that may come back has flows in it */
	} * remains;
	/* By backend. A dead one may come back with its flows until the hold time is over. */
	enum fate { FATE_ALIVE, FATE_HELD, FATE_LOST } * fates;
	/* By backend: slots that name it as cur or def, and connection IDs while it leaves. */
	uint32_t *references;
	uint32_t *entries; /* by backend: remembered flows */
	uint8_t *unnamed;  /* by backend: rounds in which nothing named it, in a row */
	uint8_t *foreign;  /* by slot: an entry belongs to another backend than cur */
};

/* The backend's, or of what a slot has as def. */
static inline enum fate fate_of(const struct dp *dp, const struct dp_settling *s, uint32_t backend)
{
	return backend < dp->sizes.backends ? s->fates[backend] : FATE_ALIVE;
}

/* Gives the slot to its owner if its def is the backend: returns what its word was then, else 0. */
uint64_t slot_release(uint64_t *slot, uint32_t backend);

/* Works the fates out, and takes the lost ones out of old tables. */
void holds_judge(struct dp *dp, struct dp_settling *s, uint32_t now_s);

/* Ends drain times that are over, and frees the indexes of leaving backends that nothing names any
 * more. Returns how many are leaving still. */
uint32_t leaving_judge(struct dp *dp, struct dp_settling *s, uint32_t now_s,
		       struct dp_settled *result);

#endif

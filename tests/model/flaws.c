// SPDX-License-Identifier: GPL-2.0
/* What the data path or the controller may do wrong though each rule of affinity.h is right, of
 * going back from another hash. */
#include "scenes.h"

const struct planted flaws[] = {
	{ "undone-not-read", "back", UNDONE_NOT_READ,
	  "flows that began before the way back are not looked up" },
	{ "undone-read-last", "back-readers-udp", UNDONE_READ_LAST,
	  "what is remembered under the undone table is looked up last" },
	{ "undone-swept-as-old", "back", UNDONE_SWEPT_AS_OLD,
	  "flows under the undone table are swept by the old table's slots" },
	{ "undone-dropped-at-once", "back", UNDONE_DROPPED_AT_ONCE,
	  "the undone table is dropped with the switch" },
	{ "undone-not-cleared", "back-readers", UNDONE_NOT_CLEARED,
	  "what a controller stored that died before it went back stays" },
	{ "settles-beside-undone", "back", SETTLES_BESIDE_UNDONE,
	  "slots settle though flows are remembered under the undone table" },
	{ "old-dropped-at-once", "back-readers", OLD_DROPPED_AT_ONCE,
	  "the old table is dropped with the switch back" },
	{ "back-from-settled", "back", BACK_FROM_SETTLED,
	  "slots are gone back from that have settled" },
};
const unsigned int flaw_count = sizeof(flaws) / sizeof(flaws[0]);

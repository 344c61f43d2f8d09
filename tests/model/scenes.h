/* SPDX-License-Identifier: GPL-2.0 */
/* What is searched: each scene lets some things happen together, so that all of them together
 * need not be searched at once. */
#ifndef EVENKEEL_MODEL_SCENES_H
#define EVENKEEL_MODEL_SCENES_H

#include "world.h"

extern const struct scene scenes[];
extern const unsigned int scene_count;

/* What must break the scene: no mutant of affinity.h, but what its callers do with it. */
struct planted {
	const char *name, *scene;
	enum flaw flaw;
	const char *what;
};
extern const struct planted flaws[];
extern const unsigned int flaw_count;

#endif

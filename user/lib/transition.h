/* SPDX-License-Identifier: GPL-2.0 */
/* What is installed while a change is being staged and watched: the new configuration, with the
 * backends that it removes still in their pools, drained, so that they are checked and have their
 * flows until it is known to be good; and with the weights before, of which the tables of the steps are
 * made. Pure. */
#ifndef EVENKEEL_LIB_TRANSITION_H
#define EVENKEEL_LIB_TRANSITION_H

#include "lib/config.h"

/* NULL when memory runs out. */
struct config *transition_make(const struct config *before, const struct config *after);

/* Brings all services that change their shares to a step, per mille of the slots that differ. */
void transition_step(struct config *c, uint32_t permille);

/* The service has nobody left who could take flows by its weights before: it goes to the new ones at
 * once. */
void transition_at_once(struct config_service *s);

/* Do the shares of a service differ, so that it can be staged at all? */
bool transition_moves(const struct config_service *s);

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/* `policy`: who else has to agree to a change. Pure; part of lib/config.h. */
#ifndef EVENKEEL_LIB_CONFIG_POLICY_H
#define EVENKEEL_LIB_CONFIG_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/diag.h"

#define POLICY_APPROVALS_MAX 16u
#define POLICY_GROUP_MAX 32u
#define POLICY_SIGNERS_MAX 255u

struct config_policy {
	uint32_t approvals;                   /* by so many others; 0: a change waits for nobody */
	char group[POLICY_GROUP_MAX + 1];     /* whose members may approve; "": nobody's */
	char signers[POLICY_SIGNERS_MAX + 1]; /* file of ssh-keygen's allowed signers; "": none */
	uint32_t expires_s;                   /* a change waits for no longer */
	bool set;                             /* the text says so; false: the default */
	struct place place;
};
void config_policy_default(struct config_policy *p);

/* What of `b` is, or may be, looser than `a`: "approvals", "group", "signers", "expires"; NULL: nothing.
 * Other people need not be fewer or more: who they are cannot be told here. */
const char *config_policy_loosened(const struct config_policy *a, const struct config_policy *b);

#endif

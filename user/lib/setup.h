/* SPDX-License-Identifier: GPL-2.0 */
/* What a backend's host must be told, as shell commands. Pure. */
#ifndef EVENKEEL_LIB_SETUP_H
#define EVENKEEL_LIB_SETUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "evenkeel/abi.h"
#include "lib/addr.h"

/* Where outer packets come from: an address, or a prefix. With nat, which has none, the
 * balancer's address toward the backend. */
struct setup_source {
	struct ek_addr addr;
	uint32_t bits; /* length of the prefix; 0: an address */
};

struct setup_facts {
	const char *service, *backend; /* names */
	enum ek_forward forward;
	uint32_t gue;                     /* EK_GUE_* */
	struct ek_addr addr;              /* the backend's */
	uint32_t port;                    /* nat: the backend's, 0: the listener's */
	const struct endpoint *listeners; /* of the service */
	size_t listener_count;
	const struct setup_source *sources; /* of the balancer, any family */
	size_t source_count;
	uint32_t mtu; /* largest IP packet on the way from the balancer, 0: not known */
};

/* The segment size (TCP MSS) that this backend must advertise to clients of that family, so that
 * their segments still fit the way after encapsulation. 0: nothing needs to be done. */
uint32_t setup_advmss(const struct setup_facts *f, bool ipv4);

/* The commands, commented, for the shell of the backend's host: running them twice does no harm.
 * Allocated; NULL when memory runs out. */
char *setup_commands(const struct setup_facts *f);

/* Its part for nat. */
void setup_nat_write(FILE *out, const struct setup_facts *f);

#endif

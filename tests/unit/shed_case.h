/* SPDX-License-Identifier: GPL-2.0 */
/* A backend that has declared what it can take, and CPUs that borrow from it, as bpf/shed.h does. */
#ifndef EVENKEEL_TESTS_SHED_CASE_H
#define EVENKEEL_TESTS_SHED_CASE_H

#include <stdbool.h>
#include <stdint.h>

#include "evenkeel/shed.h"

#define SHED_CPUS_MAX 64

struct shed_host {
	__u64 spent_ns;
	uint32_t purses[SHED_CPUS_MAX], of[SHED_CPUS_MAX], cpus, rate;
};

/* A token for a new flow that this CPU has received. */
bool shed_spend(struct shed_host *h, uint32_t cpu, uint64_t now_ns);

/* Is this SYN let in? Its hash is the flow's and the backend's. */
bool shed_admit(struct shed_host *h, struct ek_note_bucket *notes, uint32_t buckets, uint64_t hash,
		uint32_t cpu, uint64_t now_ns);

#endif

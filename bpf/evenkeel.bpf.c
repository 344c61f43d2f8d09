// SPDX-License-Identifier: GPL-2.0
/* The entry program. balance.h is the table of contents: parse, find_service, pick, forward. */
#include "balance.h"

SEC("xdp")
int evenkeel(struct xdp_md *ctx)
{
	return balance(ctx);
}

/* For interfaces that must have an XDP program to receive what another one sends them (veth),
 * and have nothing to balance. */
SEC("xdp")
int evenkeel_pass(struct xdp_md *ctx)
{
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";

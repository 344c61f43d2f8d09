// SPDX-License-Identifier: GPL-2.0
/* Passes everything. A veth end needs a program of its own to receive what its peer sends with
 * XDP_TX; this is the least one. It also plays the foreign program that must stay in place. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

SEC("xdp")
int pass_all(struct xdp_md *ctx)
{
	return XDP_PASS;
}

/* The same for an MTU beyond one buffer. */
SEC("xdp.frags")
int pass_all_frags(struct xdp_md *ctx)
{
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";

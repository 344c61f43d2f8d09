// SPDX-License-Identifier: GPL-2.0
/* The entry program, whose table of contents is balance.h, and the programs that it calls for
 * rare packets (tail.h). */
#include "balance.h"
#include "general.h"
#include "icmp.h"
#include "quic.h"
#include "return.h"
#include "too_big.h"

SEC("xdp")
int evenkeel(struct xdp_md *ctx)
{
	return balance(ctx);
}

SEC("xdp")
int evenkeel_general(struct xdp_md *ctx)
{
	return general(ctx);
}

SEC("xdp")
int evenkeel_icmp(struct xdp_md *ctx)
{
	return icmp(ctx);
}

SEC("xdp")
int evenkeel_return(struct xdp_md *ctx)
{
	return give_back(ctx);
}

SEC("xdp")
int evenkeel_too_big(struct xdp_md *ctx)
{
	return tell_too_big(ctx);
}

SEC("xdp")
int evenkeel_quic(struct xdp_md *ctx)
{
	return quic(ctx);
}

char LICENSE[] SEC("license") = "GPL";

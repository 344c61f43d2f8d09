/* SPDX-License-Identifier: GPL-2.0 */
/* The packet path as one function, for the entry program and for the benchmark around it. */
#ifndef EVENKEEL_BPF_BALANCE_H
#define EVENKEEL_BPF_BALANCE_H

#include "packet.h"
#include "parse.h"
#include "service.h"
#include "select.h"
#include "forward.h"

static __always_inline int balance(struct xdp_md *ctx)
{
	struct packet p;

	p.ctx = ctx;
	STEP(parse(&p));
	STEP(find_service(&p));
	STEP(pick(&p));
	return forward(&p);
}

#endif

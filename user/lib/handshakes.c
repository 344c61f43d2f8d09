// SPDX-License-Identifier: GPL-2.0
#include "lib/handshakes.h"

#include <math.h>

#include "lib/chance.h"

/* One in a thousand: a hint costs one more check, and each second asks again about the last ten. */
#define SURPRISE 7.0
/* Of those that are followed at its peers, so many must be left alone here: less is no outage. */
#define PART 0.25
/* A tally that has decayed to this is none. */
#define NEGLIGIBLE 0.01

void handshakes_note(struct handshakes *h, bool followed)
{
	if (followed)
		h->followed++;
	else
		h->alone++;
}

static bool is_empty(const struct handshakes *h)
{
	return !(h->followed > 0) && !(h->alone > 0);
}

/* Most have none, and their memory is not to be touched. */
void handshakes_forget(struct handshakes *h)
{
	if (!is_empty(h))
		*h = (struct handshakes){ 0 };
}

void handshakes_decay(struct handshakes *h)
{
	double factor = exp(-1 / HANDSHAKES_HORIZON_S);

	if (is_empty(h))
		return;
	h->followed *= factor;
	h->alone *= factor;
	if (h->followed + h->alone < NEGLIGIBLE)
		*h = (struct handshakes){ 0 };
}

/* Laplace's rule of succession: what few peers say is taken for less. */
bool handshakes_suspect(const struct handshakes *h, const struct handshakes *peers)
{
	double p = (peers->alone + 1) / (peers->alone + peers->followed + 2);
	double seen = h->followed + h->alone;

	if (!(seen > 0) || h->alone / seen < p + PART * (1 - p))
		return false;
	return chance_bennett(seen * p * (1 - p), h->alone - seen * p, 1) >= SURPRISE;
}

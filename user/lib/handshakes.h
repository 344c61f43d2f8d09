/* SPDX-License-Identifier: GPL-2.0 */
/* Does a backend answer? The balancer sees SYNs, not the answers to them; but a second packet of
 * the flow comes only after one. Pure.
 *
 * What is seen here is a hint. Forged SYNs are never followed, whoever they go to: so a backend is
 * compared with its peers, and even then its checks decide. */
#ifndef EVENKEEL_LIB_HANDSHAKES_H
#define EVENKEEL_LIB_HANDSHAKES_H

#include <stdbool.h>

/* Sampled SYNs of a backend, or of its peers together; each second counts for exp(-age /
 * HANDSHAKES_HORIZON_S). Begins as {}. */
struct handshakes {
	double followed, alone;
};
#define HANDSHAKES_HORIZON_S 10.0

/* A client repeats its SYN after 1 s and then 3 s: who has not gone on by then got no answer to
 * the first. */
#define HANDSHAKE_WAIT_S 3u

void handshakes_note(struct handshakes *h, bool followed);
/* Call once a second. */
void handshakes_decay(struct handshakes *h);

/* The backend is another's from now on. */
void handshakes_forget(struct handshakes *h);

/* More of its SYNs were left alone than chance explains, if as many are to be as of its peers' (of
 * none: every other one). */
bool handshakes_suspect(const struct handshakes *h, const struct handshakes *peers);

#endif

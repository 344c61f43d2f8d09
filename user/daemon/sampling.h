/* SPDX-License-Identifier: GPL-2.0 */
/* Each second: takes over what the data path has sampled, hands it to who wants to know (the
 * clients of the last minutes, skew, handshakes), and says how densely to go on. */
#ifndef EVENKEEL_DAEMON_SAMPLING_H
#define EVENKEEL_DAEMON_SAMPLING_H

#include "daemon/daemon.h"
#include "lib/clients.h"
#include "lib/handshakes.h"
#include "lib/preflight.h"

/* Seconds that clients are remembered for. */
#define SAMPLING_WINDOW_S 180u

int sampling_open(struct daemon *d);
void sampling_close(struct sampling *s);

/* After the counters, before skew. */
void sampling_tick(struct daemon *d);

/* The sampled packets of the last minutes, each with its backend and what it stands for. */
const struct clients *sampling_clients(const struct daemon *d);
/* Sampled SYNs of a backend; true: more of them had no second packet than its peers' and chance
 * explain. */
bool sampling_handshakes(const struct daemon *d, uint32_t backend, struct handshakes *out);
/* For the doctor: names who answers fewer than its peers. */
void handshakes_examine(struct findings *f, const struct daemon *d, uint32_t backend);

#endif

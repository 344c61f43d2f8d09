/* SPDX-License-Identifier: GPL-2.0 */
/* Is the frame that came out of the data path the one that the plan says? Worked out from the
 * configuration and the next hop alone, never from the maps: what is wrong there shall show. Pure. */
#ifndef EVENKEEL_LIB_REHEARSED_H
#define EVENKEEL_LIB_REHEARSED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "evenkeel/abi.h"

/* What the plan says of a packet. */
struct rehearsed {
	enum ek_forward forward;
	uint32_t gue; /* EK_GUE_* */
	struct ek_addr backend;
	uint16_t port; /* nat: the backend's, 0: the listener's */
	uint8_t dest_mac[6];
	uint16_t tag_type, tag; /* of the frame, as in struct path_hop */
};

/* Compares the frame that came out with the one that went in, a small one without VLAN tags, both
 * with their Ethernet headers. False: `why` has what differs, a part of a sentence ("the outer
 * destination is 10.0.0.9, not 10.0.0.1"). */
#define REHEARSED_TEXT_MAX 160
bool rehearsed_agrees(const struct rehearsed *plan, const uint8_t *in, size_t in_size,
		      const uint8_t *out, size_t out_size, char why[static REHEARSED_TEXT_MAX]);

#endif

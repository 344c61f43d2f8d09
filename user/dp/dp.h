/* SPDX-License-Identifier: GPL-2.0 */
/* The data path as user space sees it: the loaded programs and the mapped tables. The only
 * folder that includes libbpf. */
#ifndef EVENKEEL_DP_DP_H
#define EVENKEEL_DP_DP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "evenkeel/abi.h"
#include "evenkeel/shed.h"
#include "evenkeel/sample.h"

/* Capacities, chosen when the maps are made; fixed for their life. */
struct dp_sizes {
	uint32_t slots;
	uint32_t backends;
	uint32_t flow_buckets; /* a power of two */
	/* Not of the maps, but of this load: programs for frames of more than one buffer. */
	bool jumbo;
};

struct dp_private;

/* The maps, mapped into this process, and the program. Filled by dp_open(). */
struct dp {
	struct ek_core *core; /* of which the next five are parts */
	struct ek_global *global;
	struct ek_listener *directory; /* two regions of EK_DIRECTORY_ENTRIES */
	uint16_t *displacement;        /* two regions of EK_DIRECTORY_BUCKETS */
	struct ek_service *services;   /* EK_SERVICES_MAX */
	const struct ek_verdicts *verdicts;
	uint64_t *slots;
	struct ek_backend *backends;
	struct ek_flow_bucket *flows;
	struct ek_fragment_bucket *fragments; /* EK_FRAGMENT_BUCKETS */
	struct ek_traffic *traffic; /* written by the data path; zeroed when an index is reused */
	struct ek_capacity *capacities; /* by backend index */
	struct ek_purse *purses;        /* of the data path alone, as the next */
	struct ek_note_bucket *shed_notes;
	struct ek_sample_ring *samples; /* by CPU; see dp/sample.h */
	struct ek_sample_shifts *sample_shifts;
	uint64_t *handshakes; /* EK_HANDSHAKES */
	struct ek_service_id *service_ids;
	struct ek_backend_id *backend_ids;
	struct dp_sizes sizes;
	uint32_t cpus;
	int program_fd;          /* the XDP entry program */
	int egress_fd;           /* the devmap */
	bool adopted;            /* the maps were found pinned, not made */
	struct dp_private *priv; /* mappings and descriptors, owned */
};

/* What dp_open() says when it fails: one sentence for a person. */
enum { BACKEND_FREE, BACKEND_USED, BACKEND_LEAVING }; /* ek_backend_id.used */

#define DP_ERROR_MAX 512

/* Opens the data path pinned below `pins`, or loads and pins a new one if there is none there.
 * `key` is the flow hash key of a new one; an adopted one keeps its own, see dp_key().
 * `sizes` are for a new one. If pins are NULL nothing is pinned (tests, bench).
 * Programs are loaded anew in either case and replace the pinned ones on their links in place
 * (bpf_link_update), so that a restart is also an upgrade.
 * -EPROTO: pins of another ABI version or of another layout are there, and go on forwarding.
 * Other -errno; `error` says what failed. The caller releases with dp_close(). */
int dp_open(struct dp **out, const char *pins, const struct dp_sizes *sizes, struct ek_key key,
	    char error[static DP_ERROR_MAX]);

/* Makes the folder of pins if it is missing and locks it for the life of *fd: one controller for
 * each. -EBUSY: another one has it; `error` names its pid. */
int dp_lock(int *fd, const char *pins, char error[static DP_ERROR_MAX]);
/* Locks the folder that is there now, if it is not the one locked before: dp_open() removes what
 * a dying controller left half made, the folder included. */
int dp_lock_again(int *fd, const char *pins, char error[static DP_ERROR_MAX]);

/* Unmaps and closes. What is pinned keeps forwarding. */
void dp_close(struct dp *dp);

/* The flow hash key that tables are made with. */
static inline struct ek_key dp_key(const struct dp *dp)
{
	return dp->global->keys[dp->global->key_index & 1];
}

/* Waits until no packet is being processed that began before the call: an RCU grace period. */
int dp_grace_period(void);

/* ---- links -------------------------------------------------------------------------------- */

enum dp_mode { DP_MODE_DRIVER, DP_MODE_GENERIC };

/* Attaches the program to `ifindex`. The link lives as long as *link_fd, or, once pinned, as
 * its pin. -EBUSY: an XDP program is there already. */
int dp_attach(struct dp *dp, unsigned int ifindex, enum dp_mode mode, int *link_fd,
	      char error[static DP_ERROR_MAX]);

/* Pins the link as pins/v1/links/NAME, so that it outlives this process. */
int dp_link_pin(int link_fd, const char *pins, const char *interface);

/* Detaches the interface at once and removes its pin; the maps stay. -ENOENT: not pinned. */
int dp_link_unpin(const char *pins, const char *interface);

/* An attachment found below `pins`. */
struct dp_link {
	char interface[64];   /* the pin's name: of the interface when it was attached */
	unsigned int ifindex; /* 0: the interface is gone */
	uint32_t program_id;
	bool generic;
};
/* Lists pinned links; *out is allocated. -errno or 0. */
int dp_links(const char *pins, struct dp_link **out, size_t *count);

/* The addresses of this host's interfaces, that to which most frames come first. A frame to any
 * other address is passed, not balanced: a promiscuous NIC or a flooding switch shows it, and
 * its addressee gets it too. None: whatever comes in is taken. -E2BIG: more than EK_MACS_MAX,
 * whatever comes in is taken; other -errno. */
int dp_macs_set(struct dp *dp, const uint8_t (*macs)[6], size_t count);

/* Makes `ifindex` a possible egress (devmap entry). Idempotent. */
int dp_egress_add(struct dp *dp, unsigned int ifindex);
/* The opposite: what would be redirected there is dropped as no_next_hop. Idempotent. */
int dp_egress_remove(struct dp *dp, unsigned int ifindex);

/* Detaches without any daemon: unlinks link pins (all, or of one interface), and, when none
 * is left, everything else below `pins`, unless a controller has them: one that is alive and
 * does not answer would go on with maps that nobody else can reach. *detached counts links.
 * Missing pins are no error. */
int dp_detach(const char *pins, const char *interface, size_t *detached,
	      char error[static DP_ERROR_MAX]);

#endif

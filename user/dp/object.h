/* SPDX-License-Identifier: GPL-2.0 */
/* Inside dp: a struct dp over any BPF object that has the data path's maps (the product's, the
 * benchmark's). */
#ifndef EVENKEEL_DP_OBJECT_H
#define EVENKEEL_DP_OBJECT_H

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "dp/dp.h"
#include "dp/install.h"

/* A map by the name that abi.h gives it, and the other way round. */
struct bpf_map *dp_map_find(const struct bpf_object *object, const char *name);
const char *dp_map_name(const struct bpf_map *map);

/* Sets the maps' capacities and the read-only options before load. */
int dp_object_prepare(struct bpf_object *object, const struct dp_sizes *sizes,
		      char error[static DP_ERROR_MAX]);

/* Maps a loaded object's maps into a new struct dp and, where they are new (global.abi is 0),
 * writes the global record. Takes the object over: dp_close() closes it. On failure the object
 * stays the caller's. */
int dp_from_object(struct dp **out, struct bpf_object *object, const struct dp_sizes *sizes,
		   struct ek_key key, char error[static DP_ERROR_MAX]);

/* Entries of `quic_ids`: each backend's number, and one that it had before. */
#define DP_QUIC_IDS(backends) (2 * (backends))

/* "bpffs folder/v1/kind/name", or -ENAMETOOLONG. `kind` is "maps", "links" or "programs". */
#define DP_PATH_MAX 512
int dp_pin_path(char path[static DP_PATH_MAX], const char *pins, const char *kind,
		const char *name);

/* The path of an interface's link pin; -ENOENT for a name that no interface can have. */
int dp_link_path(char path[static DP_PATH_MAX], const char *pins, const char *interface);

/* Pins the array of tail-called programs, to be done before a link runs the program; and takes
 * away the arrays of earlier loads, to be done when no link runs theirs any more. */
int dp_tails_pin(const struct dp *dp, const char *pins);
int dp_tails_unpin_others(const struct dp *dp, const char *pins);

/* Why the kernel answers EPERM to the making of such a folder. */
#define DP_NO_DOTS                                                                                 \
	"a bpffs takes no dots in names of files and folders: choose a name without (a dash will " \
	"do)"

/* True while a controller holds the lock of dp_lock(). */
bool dp_has_controller(const char *pins);

/* Writes a formatted message to `error` and returns `code`. */
int dp_fail(char error[static DP_ERROR_MAX], int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* dp_grace_period(), remembering whether it failed. */
int grace_wait(struct dp *dp);
/* What was in force before the last switch may have readers still, if waiting for them failed
 * or if a controller before this one switched: waits for them then. To be called before
 * anything is written that is not in force. */
int grace_wait_owed(struct dp *dp);

/* Is this the way to the backend that packets take? Without EK_PATH_NEXT_HOP: is there none? */
bool path_in_force(const struct dp *dp, uint32_t backend, const struct ek_path *path);

/* Sets or clears the flag by which the data path knows the dead. */
void death_flag(struct dp *dp, uint32_t backend, bool dead);
/* Flags again whom a controller that died half way had declared dead. */
void deaths_adopt(struct dp *dp);

/* Settling's own memory, between rounds; NULL until first needed. */
struct dp_settling;
void dp_settling_free(struct dp_settling *s);

/* What this process wrote last; see memory.h. */
struct dp_memory;

/* What struct dp owns. */
struct dp_private {
	struct bpf_object *object;
	struct dp_settling *settling;
	struct dp_memory *memory;
	dp_weigh weigh; /* see dp_weigh_by() */
	void *weigh_context;
	dp_allow allow; /* see dp_allow_by() */
	void *allow_context;
	bool grace_owed;                   /* see grace_wait_owed() */
	uint32_t returns_due_s;            /* when the next way back of nat goes, see nat_sweep() */
	struct quic_leaving *quic_leaving; /* see quic_retire() */
	size_t quic_leaving_count;
	uint32_t found; /* by dp_backend_index(), last */
	bool keep_old;  /* dp_keep_old_tables() */
	bool quiet; /* nothing is unsettled, leaving or remembered: settling has nothing to do */
};

#endif

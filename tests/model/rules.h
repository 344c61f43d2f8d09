/* SPDX-License-Identifier: GPL-2.0 */
/* The rules under test: affinity.h itself, or a copy of it with one rule changed, as a shared
 * object. Layouts (how a word is packed) are the same in all of them. */
#ifndef EVENKEEL_MODEL_RULES_H
#define EVENKEEL_MODEL_RULES_H

#include "evenkeel/affinity.h"

/* What the data path or the controller may do wrong beside affinity.h: see flaws.c. */
enum flaw {
	NO_FLAW,
	UNDONE_NOT_READ,
	UNDONE_READ_LAST,
	UNDONE_SWEPT_AS_OLD,
	UNDONE_DROPPED_AT_ONCE,
	UNDONE_NOT_CLEARED,
	SETTLES_BESIDE_UNDONE,
	OLD_DROPPED_AT_ONCE,
	BACK_FROM_SETTLED,
};

struct rules {
	enum flaw flaw;
	struct ek_decision (*decide)(const struct ek_situation *s);
	struct ek_decision (*unstored)(const struct ek_situation *s);
	struct ek_decision (*lost)(const struct ek_situation *s, const struct ek_decision *d,
				   __u64 found);
	int (*udp_grace)(__u64 slot, __u32 idle_s, __u32 now_s);
	__u64 (*touch)(__u64 slot, __u32 now_s);
	int (*keeps)(__u64 found);
	__u64 (*change)(__u64 slot, __u32 owner, __u32 now_s);
	__u64 (*catch_up)(__u64 slot, __u64 old, __u32 written_s, __u32 now_s);
	__u64 (*rebuilt)(__u32 owner, __u32 now_s);
	__u64 (*gone_back)(__u64 old, __u32 owner, __u32 now_s);
	__u32 (*old_def)(__u64 old);
	int (*old_remembers)(__u64 old);
	__u64 (*old_release)(__u64 old, __u32 backend);
	__u64 (*swept)(__u64 state, __u64 slot, __u32 idle_s, __u32 now_s);
	int (*foreign)(__u64 state, __u64 slot);
	int (*may_settle)(__u64 slot, int foreign, __u32 idle_s, __u32 now_s);
	__u64 (*settled)(__u64 slot);
	__u64 (*release)(__u64 slot, __u32 backend);
	int (*time_over)(__u64 since_s, __u32 least_s, __u32 now_s);
	int (*gone)(__u32 rounds_unnamed);
};

/* What every such object exports. */
extern const struct rules rules;

#endif

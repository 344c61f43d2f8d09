/* SPDX-License-Identifier: GPL-2.0 */
/* Changes that wait until others have agreed: who counts, what they agree to, and when that is
 * another thing. Pure. docs/changes.md says the same for people. */
#ifndef EVENKEEL_LIB_APPROVAL_H
#define EVENKEEL_LIB_APPROVAL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/audit_chain.h"
#include "lib/plan.h"

/* ---- who counts ------------------------------------------------------------------------------ */

#define APPROVAL_NAME_MAX 128
#define APPROVAL_KEY_MAX 96
#define APPROVAL_PEOPLE_MAX 8

/* Somebody behind a proposal: its uid, and whose it was before sudo. */
struct approval_person {
	uint32_t uid;
	char user[64]; /* its name, or the number */
};

/* One approval, by a user that the kernel names, or by a signature. */
struct approval {
	bool is_signed;
	uint32_t uids[APPROVAL_PEOPLE_MAX]; /* else: its own, then those of whom it came from */
	size_t uid_count;
	char name[APPROVAL_NAME_MAX]; /* the user's name, or the signer as the file lists him */
	char key[APPROVAL_KEY_MAX];   /* fingerprint of the signing key, or "" */
};

enum approval_verdict {
	APPROVAL_COUNTS,
	APPROVAL_ROOT,     /* anybody may have become uid 0 */
	APPROVAL_PROPOSER, /* nobody agrees to what he proposes himself */
	APPROVAL_STRANGER, /* not in the group */
	APPROVAL_AGAIN,    /* has approved already */
};

/* Do a user and a signer look like one person? "ada" and "ada@example.org" do, in any case. */
bool approval_same_name(const char *a, const char *b);

/* Whether `a` counts. `member`: the user is in the group; a signature needs no group. */
enum approval_verdict approval_judge(const struct approval *a, bool member,
				     const struct approval_person *people, size_t person_count,
				     const struct approval *given, size_t given_count);

/* The uids, as text "1000,1001"; and read back, at most `max`. */
void approval_uids_text(char *out, size_t size, const uint32_t *uids, size_t count);
size_t approval_uids(const char *text, uint32_t *out, size_t max);

/* ---- signatures ------------------------------------------------------------------------------ */

/* What ssh-keygen -Y find-principals prints: the names of the key that signed, a line each, of which each
 * may be a list. The next one from *text on, which is moved behind it; false: there are no more. */
bool approval_principal_next(const char **text, char out[static APPROVAL_NAME_MAX]);
/* The fingerprint in what ssh-keygen -Y verify prints ("Good ... key SHA256:..."). False: there is none. */
bool approval_fingerprint(const char *text, char out[static APPROVAL_KEY_MAX]);

/* ---- to what --------------------------------------------------------------------------------- */

/* How it is to be done is part of what is agreed to. */
struct approval_way {
	unsigned int forced; /* set of gates */
	bool at_once;
	int64_t watch_s; /* -1: as configured */
};

/* The hash that approvals are bound to: SHA-256 of the lines "evenkeel change", "base HASH", "text HASH"
 * (of the canonical texts) and, where they are given, "force GATE,...", "at once", "watch SECONDS". */
void approval_content(char out[static SHA256_TEXT_SIZE], const char *base_hash,
		      const char *text_hash, const struct approval_way *way);

/* ---- until when ------------------------------------------------------------------------------ */

#define APPROVAL_WHY_MAX 256

/* The change from `base` to `text`, made of what is in force now: services and keys that it leaves alone
 * are as in force. 0 and the text in *out, allocated; -ESTALE: something that it touches is another
 * thing now, which `why` names; -EINVAL: no canonical texts; -ENOMEM. */
int approval_rebase(char **out, char why[static APPROVAL_WHY_MAX], const char *base,
		    const char *text, const char *now);

/* What a plan says of the services that are others than in force: the share of each backend, as
 * configured and of those that answer, per mille. NULL when memory runs out. */
json_t *approval_shares(const struct plan *p, const struct config *in_force);
/* Does any differ by more than `permille`? `why` names the first that does. A service that is in one of
 * them alone says nothing: plans are compared with what was in force half an hour before them. */
#define APPROVAL_TOLERANCE 10
bool approval_shares_differ(const json_t *then, const json_t *now, unsigned int permille,
			    char why[static APPROVAL_WHY_MAX]);

/* Is its time over? A clock of another boot says nothing: a reboot is an end. */
bool approval_over(const char *boot, int64_t until_ms, const char *boot_now, int64_t now_ms,
		   char why[static APPROVAL_WHY_MAX]);

#endif

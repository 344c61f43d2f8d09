/* SPDX-License-Identifier: GPL-2.0 */
/* Who may approve: what the system says of users, groups and signatures. */
#ifndef EVENKEEL_DAEMON_APPROVERS_H
#define EVENKEEL_DAEMON_APPROVERS_H

#include "lib/approval.h"
#include "lib/config_policy.h"

#define APPROVERS_WHY_MAX 512

/* Is the user in the group, as the system's database has it now? Not by what groups its process has: those
 * are of when it began, and a user namespace lends other uids with them. */
bool approvers_has(const char *group, uint32_t uid);

/* The name of a uid, or its number. */
void approvers_name(uint32_t uid, char out[static 64]);

/* Is there such a group, and such a file that nobody else can write? -ENOENT, -EPERM or the like and why not. */
int approvers_check(const struct config_policy *p, char why[static APPROVERS_WHY_MAX]);

/* Lets the group connect to the socket, besides its own. */
void approvers_admit(const char *socket, const struct config_policy *p);

/* A signature that holds. */
#define SIGNER_NAMES_MAX 8
struct signer {
	char names[SIGNER_NAMES_MAX][APPROVAL_NAME_MAX]; /* of that key, in the file's order */
	size_t count;                                    /* at least 1 */
	char key[APPROVAL_KEY_MAX];
};
/* Asks ssh-keygen whether `signature` is one of the content hash and its newline, in the namespace "evenkeel",
 * by somebody whom the file `signers` allows. -EACCES and why not. Takes some milliseconds. */
int signature_verify(struct signer *out, char why[static APPROVERS_WHY_MAX], const char *signers,
		     const char *content, const char *signature);

#endif

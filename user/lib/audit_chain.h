/* SPDX-License-Identifier: GPL-2.0 */
/* The chain of the audit log: each event holds a SHA-256 over itself and the hash of the event
 * before, so that what was changed, removed or put in between shows. Who can write the log can make
 * the whole chain anew; that shows only against a head (an event's number and hash) that was kept
 * elsewhere. Pure. */
#ifndef EVENKEEL_LIB_AUDIT_CHAIN_H
#define EVENKEEL_LIB_AUDIT_CHAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* 64 hexadecimal digits and a NUL. */
#define SHA256_TEXT_SIZE 65

void sha256_text(char out[static SHA256_TEXT_SIZE], const void *data, size_t size);

struct audit_record {
	int64_t id; /* from 1, without gaps; not part of the hash: `previous` says the place */
	int64_t time;
	const char *kind, *user, *command, *origin, *text, *content;
	uint32_t uid;
	int32_t pid;
	int64_t revision;     /* 0: it is about none */
	const char *previous; /* hash of the event before; "" in the first */
	const char *hash;
};

/* What `hash` must be. */
void audit_record_hash(char out[static SHA256_TEXT_SIZE], const struct audit_record *r);

struct audit_head {
	int64_t id; /* 0: not known */
	char hash[SHA256_TEXT_SIZE];
};
/* Reads "HASH" or "ID:HASH". False if it is neither. */
bool audit_head_parse(struct audit_head *out, const char *text);

/* ---- verifying ------------------------------------------------------------------------------- */

#define AUDIT_FINDINGS_MAX 32
#define AUDIT_FINDING_MAX 200

/* One link back: what is needed of an event when the next ones have come. */
struct audit_link {
	int64_t id;
	char stored[SHA256_TEXT_SIZE], computed[SHA256_TEXT_SIZE];
	bool whole;    /* stored is what was computed */
	bool detached; /* it does not continue the event before */
};

struct audit_check {
	struct audit_head heads[2];
	bool seen[2];                   /* the head's hash */
	struct audit_link last, before; /* id 0: none */
	size_t count;                   /* events */
	size_t problems;
	char findings[AUDIT_FINDINGS_MAX][AUDIT_FINDING_MAX]; /* the first ones, as sentences */
};

/* `own`: the head that the log itself keeps; `kept`: one kept elsewhere. Either may be NULL. */
void audit_check_begin(struct audit_check *c, const struct audit_head *own,
		       const struct audit_head *kept);
/* Takes the next event, in the order of their numbers. */
void audit_check_next(struct audit_check *c, const struct audit_record *r);
/* After the last one. True if nothing is wrong. */
bool audit_check_end(struct audit_check *c);

#endif

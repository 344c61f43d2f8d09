/* SPDX-License-Identifier: GPL-2.0 */
/* Requests of the control socket: one table of them, and what their handlers use. */
#ifndef EVENKEEL_DAEMON_REQUEST_H
#define EVENKEEL_DAEMON_REQUEST_H

#include <jansson.h>
#include <stdbool.h>

#include "daemon/daemon.h"
#include "lib/diag.h"

/* What is answered: see evenkeel/ctl.h. */
struct reply {
	int exit;
	json_t *result;   /* an object; NULL is answered as {} */
	json_t *messages; /* lines */
	json_t *plan;     /* of a change that the gates have let through, for its result */
};

struct request {
	struct daemon *daemon;
	json_t *arguments;          /* borrowed; an object */
	struct journal_actor actor; /* command is filled in by handlers that change things */
	bool may_change;            /* whoever asks; others look */
	unsigned int forced;        /* set of gates, see request_force() */
	const char *reason;         /* why; borrowed */
	const char *text;           /* that a configuration was read from; borrowed, NULL: none */
	size_t length;
};

typedef void (*request_handler)(struct request *r, struct reply *reply);

/* One command of the protocol. */
struct request_entry {
	const char *name;
	request_handler handle;
	bool changes; /* for root and the daemon's own user alone */
	bool slow;    /* waits for the network: answered by a child process, changes nothing */
	bool large;   /* likewise where the pools are large: it would keep the loop for too long */
};

/* A request line understood: whom to call with what. */
struct call {
	const struct request_entry *entry; /* NULL: `reply` says what is wrong */
	json_t *root;                      /* owned; request.arguments is inside */
	struct request request;
	struct reply reply;
};

/* Reads one line (without its newline) and checks who may do that. */
void call_read(struct call *c, struct daemon *d, const char *line, size_t length,
	       const struct journal_actor *actor, bool may_change);
void call_release(struct call *c);

/* The answer as one line with its newline, allocated; NULL when memory runs out. */
char *reply_text(const struct reply *reply);

/* Adds a line to the messages. */
void reply_message(struct reply *reply, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* The same, and the request is refused (exit 1), or was a mistake of usage (exit 2). */
void reply_refuse(struct reply *reply, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void reply_usage(struct reply *reply, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Adds every diagnostic; refuses if one is an error. */
void reply_diagnostics(struct reply *reply, struct diag *d);

/* json_unpack() of the arguments, strict: what is left over or of a wrong type is answered as a
 * mistake of usage. False then. */
bool request_arguments(const struct request *r, struct reply *reply, const char *format, ...);

/* Takes what --force and --reason say; `force` NULL: nothing is forced. False after a mistake of
 * usage. */
bool request_force(struct request *r, const char *force, const char *reason, struct reply *reply);

/* Says in `c` what is meant to go: an array of names, or NULL. False after a mistake of usage. */
bool request_removed(struct config *c, const json_t *names, struct reply *reply);

/* Sets the command that the journal records. */
void request_command(struct request *r, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Sets a key of a JSON object to a new value, owned by the object from then on. */
void json_put(json_t *object, const char *key, json_t *value);
/* A string, whatever bytes the text has: an interface's name need not be UTF-8, and a message may
 * be cut within a character. Bytes beyond ASCII become '?' then. */
json_t *json_clean(const char *text);
/* The same, or null if text is NULL or empty. */
json_t *json_text(const char *text);

/* Parts of answers: who it was, a revision without its text. */
void actor_put(json_t *to, const struct journal_actor *a);
json_t *revision_json(const struct journal_revision *r);

void request_plan(struct request *r, struct reply *reply);
void request_apply(struct request *r, struct reply *reply);
void request_rollback(struct request *r, struct reply *reply);
void request_backend(struct request *r, struct reply *reply);
void request_attach(struct request *r, struct reply *reply);
void request_detach(struct request *r, struct reply *reply);
void request_confirm(struct request *r, struct reply *reply);
void request_rekey(struct request *r, struct reply *reply);
void request_version(struct request *r, struct reply *reply);
void request_status(struct request *r, struct reply *reply);
void request_metrics(struct request *r, struct reply *reply);
void request_services(struct request *r, struct reply *reply);
void request_setup(struct request *r, struct reply *reply);
void request_clients(struct request *r, struct reply *reply);
void request_explain(struct request *r, struct reply *reply);
void request_history(struct request *r, struct reply *reply);
void request_audit(struct request *r, struct reply *reply);
void request_change(struct request *r, struct reply *reply);
void request_revision(struct request *r, struct reply *reply);
void request_blame(struct request *r, struct reply *reply);
void request_approve(struct request *r, struct reply *reply);
void request_reject(struct request *r, struct reply *reply);
void request_proposals(struct request *r, struct reply *reply);
void request_doctor(struct request *r, struct reply *reply);

#endif

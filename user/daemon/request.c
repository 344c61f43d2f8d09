/* SPDX-License-Identifier: GPL-2.0 */
#include "daemon/request.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "daemon/origin.h"
#include "evenkeel/ctl.h"
#include "lib/cleanup.h"
#include "lib/gate.h"

static const struct request_entry table[] = {
	{ "version", request_version, false, false, false },
	{ "status", request_status, false, false, true },
	{ "metrics", request_metrics, false, false, false },
	{ "services", request_services, false, false, true },
	{ "setup", request_setup, false, false, false },
	{ "clients", request_clients, false, false, false },
	{ "explain", request_explain, false, false, false },
	{ "history", request_history, false, false, false },
	{ "audit", request_audit, false, false, false },
	{ "change", request_change, false, false, false },
	{ "revision", request_revision, false, false, false },
	{ "blame", request_blame, false, false, false },
	{ "doctor", request_doctor, false, true, false },
	{ "plan", request_plan, false, true, false },
	{ "apply", request_apply, true, false, false },
	{ "rollback", request_rollback, true, false, false },
	{ "backend", request_backend, true, false, false },
	{ "attach", request_attach, true, false, false },
	{ "detach", request_detach, true, false, false },
	{ "confirm", request_confirm, true, false, false },
	{ "rekey", request_rekey, true, false, false },
	/* These look themselves at who asks. */
	{ "approve", request_approve, false, false, false },
	{ "reject", request_reject, false, false, false },
	{ "proposals", request_proposals, false, false, false },
};

static const struct request_entry *entry_find(const char *name)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (strcmp(table[i].name, name) == 0)
			return &table[i];
	return NULL;
}

/* ---- replies -------------------------------------------------------------------------------- */

__attribute__((format(printf, 2, 0))) static void message_add(struct reply *reply,
							      const char *format, va_list arguments)
{
	_cleanup_(free_ptr) char *text = NULL;

	if (!reply->messages)
		reply->messages = json_array();
	/* Out of memory loses the text, never the exit status. */
	if (vasprintf(&text, format, arguments) < 0)
		text = NULL;
	else
		json_array_append_new(reply->messages, json_clean(text));
}

void reply_message(struct reply *reply, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	message_add(reply, format, arguments);
	va_end(arguments);
}

void reply_refuse(struct reply *reply, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	message_add(reply, format, arguments);
	va_end(arguments);
	reply->exit = EK_EXIT_REFUSED;
}

void reply_usage(struct reply *reply, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	message_add(reply, format, arguments);
	va_end(arguments);
	reply->exit = EK_EXIT_USAGE;
}

void reply_diagnostics(struct reply *reply, struct diag *d)
{
	diag_sort(d);
	for (size_t i = 0; i < d->count; i++) {
		_cleanup_(free_ptr) char *line = diag_line(d, i);

		reply_message(reply, "%s", line ? line : "out of memory");
	}
	if (d->out_of_memory)
		reply_refuse(reply, "out of memory: not every mistake is shown");
	if (diag_failed(d))
		reply->exit = EK_EXIT_REFUSED;
}

char *reply_text(const struct reply *reply)
{
	json_t *root = json_pack("{s:i, s:i, s:O*, s:O*}", "version", EK_CTL_VERSION, "exit",
				 reply->exit, "result", reply->result, "messages", reply->messages);
	size_t length;
	char *text, *line = NULL;

	if (!root)
		return NULL;
	if (!reply->result)
		json_put(root, "result", json_object());
	if (!reply->messages)
		json_put(root, "messages", json_array());
	text = json_dumps(root, JSON_COMPACT);
	json_decref(root);
	if (!text)
		return NULL;
	length = strlen(text);
	line = realloc(text, length + 2);
	if (!line) {
		free(text);
		return NULL;
	}
	memcpy(line + length, "\n", 2);
	return line;
}

/* ---- requests ------------------------------------------------------------------------------- */

bool request_arguments(const struct request *r, struct reply *reply, const char *format, ...)
{
	json_error_t error = {};
	va_list arguments;
	int err;

	va_start(arguments, format);
	err = json_vunpack_ex(r->arguments, &error, JSON_STRICT, format, arguments);
	va_end(arguments);
	if (err)
		reply_usage(reply, "arguments: %s", error.text);
	return !err;
}

bool request_force(struct request *r, const char *force, const char *reason, struct reply *reply)
{
	const char *unknown = NULL;

	if (!force && !reason)
		return true;
	if (!force || !reason || !*reason)
		reply_usage(reply, "force and reason belong together");
	else if (gate_set_parse(&r->forced, force, &unknown))
		reply_usage(reply, "force: there is no gate \"%.32s\"", unknown);
	r->reason = reason;
	return !reply->exit;
}

void request_command(struct request *r, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(r->actor.command, sizeof(r->actor.command), format, arguments);
	va_end(arguments);
}

void json_put(json_t *object, const char *key, json_t *value)
{
	/* A value lost to a lack of memory is missing in the answer; nothing else can be done. */
	if (json_object_set_new(object, key, value))
		return;
}

json_t *json_clean(const char *text)
{
	_cleanup_(free_ptr) char *copy = NULL;
	json_t *string = json_string(text);

	if (string)
		return string;
	copy = strdup(text);
	for (char *c = copy; c && *c; c++)
		if (*c & 0x80)
			*c = '?';
	return json_string(copy ? copy : "");
}

json_t *json_text(const char *text)
{
	return text && *text ? json_clean(text) : json_null();
}

static const struct request_entry *entry_choose(struct call *c, bool may_change)
{
	int version = 0;
	const char *command = "";
	json_error_t error = {};
	const struct request_entry *entry;

	if (json_unpack_ex(c->root, &error, JSON_STRICT, "{s:i, s:s, s:o}", "version", &version,
			   "command", &command, "arguments", &c->request.arguments)) {
		reply_usage(&c->reply, "request: %s", error.text);
		return NULL;
	}
	if (version != EK_CTL_VERSION) {
		reply_usage(&c->reply,
			    "request of protocol version %d, and this evenkeeld speaks %d: use the "
			    "evenkeel that came with it",
			    version, EK_CTL_VERSION);
		return NULL;
	}
	entry = entry_find(command);
	if (!entry)
		reply_usage(&c->reply, "\"%.64s\" is no command", command);
	else if (!json_is_object(c->request.arguments))
		reply_usage(&c->reply, "arguments: an object is expected");
	else if (entry->changes && !may_change)
		reply_refuse(&c->reply,
			     "%s changes things, which root and the user of evenkeeld may; you are "
			     "%s (uid %u)",
			     command, c->request.actor.user, c->request.actor.uid);
	else
		return entry;
	return NULL;
}

void call_read(struct call *c, struct daemon *d, const char *line, size_t length,
	       const struct journal_actor *actor, bool may_change)
{
	json_error_t error = {};

	*c = (struct call){
		.request = { .daemon = d, .actor = *actor, .may_change = may_change },
	};
	c->root = json_loadb(line, length, JSON_REJECT_DUPLICATES, &error);
	if (!c->root) {
		reply_usage(&c->reply, "request: not JSON: %s (column %d)", error.text,
			    error.column);
		return;
	}
	c->entry = entry_choose(c, may_change);
	if (c->entry && c->entry->changes)
		origin_find(&c->request.actor);
}

void call_release(struct call *c)
{
	json_decref(c->root);
	json_decref(c->reply.result);
	json_decref(c->reply.messages);
	json_decref(c->reply.plan);
}

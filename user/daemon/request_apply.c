/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <string.h>

#include "daemon/change.h"
#include "daemon/request.h"
#include "lib/cleanup.h"

void request_apply(struct request *r, struct reply *reply)
{
	_cleanup_(diag_release) struct diag diag = {};
	struct config *candidate = NULL;
	const char *text = NULL, *file = NULL;
	size_t length = 0;
	int err;

	if (!request_arguments(r, reply, "{s:s%, s?s}", "text", &text, &length, "file", &file))
		return;
	diag.file = file ? file : "configuration";
	request_command(r, "apply %.100s", diag.file);
	err = config_parse(&candidate, text, length, &diag);
	if (err && !diag_failed(&diag)) {
		reply_refuse(reply, "%s: %s; nothing changed", diag.file, strerror(-err));
		return;
	}
	if (err) {
		reply_diagnostics(reply, &diag);
		reply_message(reply, "nothing changed (revision %lld stays)",
			      (long long)r->daemon->revision.number);
		return;
	}
	change_run(r, candidate, &diag, reply);
}

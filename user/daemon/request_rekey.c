// SPDX-License-Identifier: GPL-2.0
/* rekey: another flow hash key, because somebody may know the one in force. */
#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "daemon/log.h"
#include "daemon/pipeline.h"
#include "daemon/request.h"
#include "dp/install.h"

/* The pinned maps have it already, and a controller that begins takes it from there: that the
 * journal has it too matters when the maps are gone. */
static void key_keep(struct daemon *d, struct ek_key key, struct reply *reply)
{
	struct ek_key kept;

	if (journal_key(d->journal, &key, key, &kept))
		reply_message(reply,
			      "the key is in force, but the journal cannot keep it: %s; it does at "
			      "the next start of evenkeeld, if the pins are still there",
			      journal_error(d->journal));
}

void request_rekey(struct request *r, struct reply *reply)
{
	struct daemon *d = r->daemon;
	struct dp_install_result done = {};
	char error[DP_ERROR_MAX] = "";
	struct ek_key key, now;
	int err;

	if (!request_arguments(r, reply, "{}"))
		return;
	request_command(r, "rekey");
	if (!d->config || d->trouble[0]) {
		reply_refuse(reply, "nothing changed: %s", d->trouble);
		return;
	}
	if (!pipeline_is_free(d, reply))
		return;
	if (getrandom(&key, sizeof(key), 0) != sizeof(key)) {
		reply_refuse(reply, "nothing changed: no random number: %s", strerror(errno));
		return;
	}
	err = dp_rekey(d->dp, key, d->config, clock_now_s(), &done, error);
	d->settling = true;
	now = dp_key(d->dp);
	if (err) {
		reply_refuse(reply, "%s: %s",
			     memcmp(&key, &now, sizeof(key)) != 0
				     ? "nothing changed"
				     : "the key is changed, but not everywhere; apply the "
				       "configuration again",
			     error);
		return;
	}
	key_keep(d, key, reply);
	log_notice("the flow hash key is changed: %u services have new tables",
		   done.services_rebuilt);
	daemon_event(d, "rekey", &r->actor,
		     "the flow hash key was changed; %u services have new "
		     "tables",
		     done.services_rebuilt);
	reply->result = json_pack("{s:i}", "services", (int)done.services_rebuilt);
}

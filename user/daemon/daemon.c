/* SPDX-License-Identifier: GPL-2.0 */
/* Opening, restoring what the journal has in force, the second's tick, closing. */
#include "daemon/daemon.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "daemon/alert.h"
#include "daemon/attachment.h"
#include "daemon/change.h"
#include "daemon/control.h"
#include "daemon/drains.h"
#include "daemon/gating.h"
#include "daemon/drift.h"
#include "daemon/guarded.h"
#include "daemon/health.h"
#include "daemon/http.h"
#include "daemon/load.h"
#include "daemon/log.h"
#include "daemon/macs.h"
#include "daemon/metrics.h"
#include "daemon/nexthop.h"
#include "daemon/notify.h"
#include "daemon/pipeline.h"
#include "daemon/proposals.h"
#include "daemon/rebalances.h"
#include "daemon/sample.h"
#include "daemon/sampling.h"
#include "daemon/skew_report.h"
#include "daemon/skews.h"
#include "dp/install.h"
#include "dp/lost.h"
#include "lib/cleanup.h"
#include "net/net.h"

uint32_t clock_now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint32_t)t.tv_sec;
}

int64_t clock_wall_s(void)
{
	return time(NULL);
}

void daemon_event(struct daemon *d, const char *kind, const struct journal_actor *actor,
		  const char *format, ...)
{
	char text[1024];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (!journal_event(d->journal, kind, actor, text, clock_wall_s()))
		return;
	d->journal_failures++;
	log_warning("event \"%s: %s\" is not in the journal: %s", kind, text,
		    journal_error(d->journal));
}

bool daemon_has_services(const struct daemon *d)
{
	for (uint32_t i = 0; i < EK_SERVICES_MAX; i++)
		if (d->dp->service_ids[i].name[0])
			return true;
	return false;
}

/* ---- opening -------------------------------------------------------------------------------- */

static int journal_start(struct daemon *d)
{
	char error[JOURNAL_ERROR_MAX] = "";
	int err = journal_open(&d->journal, d->options.state, error);

	return err ? log_err(err, "%s", error) : 0;
}

static int key_choose(struct daemon *d, const struct ek_key *pinned, struct ek_key *key)
{
	struct ek_key fresh;
	int err;

	if (getrandom(&fresh, sizeof(fresh), 0) != sizeof(fresh))
		return log_err(-errno, "no random number for the flow hash key: %s",
			       strerror(errno));
	err = journal_key(d->journal, pinned, fresh, key);
	if (err)
		return log_err(err, "the flow hash key cannot be kept: %s",
			       journal_error(d->journal));
	return 0;
}

/* A kernel that refuses to be looked at forwards all the same. */
static void lost_open(struct daemon *d)
{
	if (dp_lost_open(&d->lost, d->dp, d->options.pins, d->lost_trouble))
		log_warning("frames lost after the verdict are not counted: %s", d->lost_trouble);
}

static int pins_take(struct daemon *d)
{
	char error[DP_ERROR_MAX] = "";
	int err = dp_lock(&d->pins_lock, d->options.pins, error);

	return err ? log_err(err, "%s", error) : 0;
}

static int data_path_open(struct daemon *d)
{
	char error[DP_ERROR_MAX] = "";
	struct ek_key key, pinned;
	int err = key_choose(d, NULL, &key);

	if (err)
		return err;
	err = dp_open(&d->dp, d->options.pins, &d->options.sizes, key, error);
	if (err == -EPROTO)
		return log_err(
			err,
			"%s. What is attached goes on forwarding. Start the evenkeeld that made "
			"it, or give it up with `evenkeel --pins %s detach` and start again",
			error, d->options.pins);
	if (err)
		return log_err(err, "%s", error);
	lost_open(d);
	err = dp_lock_again(&d->pins_lock, d->options.pins, error);
	if (err)
		return log_err(err, "%s", error);
	if (!d->dp->adopted)
		return 0;
	log_notice("adopted the data path pinned below %s", d->options.pins);
	pinned = dp_key(d->dp);
	if (memcmp(&key, &pinned, sizeof(key)) != 0)
		log_notice("the flow hash key is taken from the pinned maps: traffic follows it");
	return key_choose(d, &pinned, &key);
}

static int skews_start(struct daemon *d)
{
	uint64_t key;

	if (getrandom(&key, sizeof(key), 0) != sizeof(key))
		return log_err(-errno, "no random number for skew: %s", strerror(errno));
	return skews_open(&d->skews, d->dp, key);
}

static void on_signal(uv_signal_t *handle, int number)
{
	struct daemon *d = handle->data;

	log_notice("ending on signal %d; what is attached goes on forwarding", number);
	uv_stop(&d->loop);
}

static void report_settled(struct daemon *d, const struct dp_settled *settled)
{
	if (settled->flows_broken || settled->slots_broken)
		log_warning("a drain time is over: %llu remembered flows were cut, and the older "
			    "flows of %llu slots",
			    (unsigned long long)settled->flows_broken,
			    (unsigned long long)settled->slots_broken);
	d->settling = settled->slots_unsettled || settled->flows_remembered ||
		      settled->quic_ids_left || settled->returns_left;
}

static void settle(struct daemon *d)
{
	struct dp_settled settled = {};
	int err;

	/* Without a configuration nobody knows the idle times. */
	if (!d->settling || !d->config)
		return;
	dp_keep_old_tables(d->dp, pipeline_is_running(d));
	err = dp_settle(d->dp, d->config, clock_now_s(), &settled);
	if (err) {
		log_warning("settling: %s", strerror(-err));
		return;
	}
	report_settled(d, &settled);
	if (nexthops_sync(d))
		d->settling = true; /* a backend is leaving */
}

static void on_tick(uv_timer_t *handle)
{
	struct daemon *d = handle->data;

	nexthops_refresh(d);
	macs_sync(d);
	settle(d);
	health_tick(d);
	if (d->lost)
		d->lost_read = !dp_lost_refresh(d->lost); /* for children: see lost_json() */
	samples_take(d->samples, d->dp);
	loads_tick(d);
	sampling_tick(d);
	rebalances_tick(d);
	attachments_tick(d);
	guarded_tick(d);
	pipeline_tick(d);
	gating_tick(d);
	proposals_tick(d);
	drift_check(d);
	skew_check(d);
	alerting_tick(d); /* of what all of these have found */
}

static int loop_start(struct daemon *d)
{
	int err = uv_timer_init(&d->loop, &d->tick) ?: uv_signal_init(&d->loop, &d->terminate) ?:
		  uv_signal_init(&d->loop, &d->interrupt);

	d->tick.data = d->terminate.data = d->interrupt.data = d;
	err = err ?: uv_timer_start(&d->tick, on_tick, 1000, 1000) ?:
	      uv_signal_start(&d->terminate, on_signal, SIGTERM) ?:
	      uv_signal_start(&d->interrupt, on_signal, SIGINT);
	return err ? log_err(err, "event loop: %s", uv_strerror(err)) : 0;
}

int daemon_open(struct daemon *d, const struct options *options)
{
	int err;

	*d = (struct daemon){ .options = *options, .pins_lock = -1, .started = clock_wall_s() };
	d->self.pid = getpid();
	d->self.uid = geteuid();
	snprintf(d->self.user, sizeof(d->self.user), "evenkeeld");
	err = uv_loop_init(&d->loop);
	if (err)
		return log_err(err, "event loop: %s", uv_strerror(err));
	d->loop.data = d;
	/* All that another daemon may have, first: the data path is not touched if one is there. */
	err = journal_start(d) ?: drains_open(d) ?: proposals_open(d);
	err = err ?: control_open(&d->control, d) ?: pins_take(d);
	err = err ?: http_open(&d->http, d) ?: alerting_open(&d->alerting, d);
	err = err ?: data_path_open(d) ?: samples_open(&d->samples, d->dp) ?: loads_open(d);
	err = err ?: pipeline_open(d);
	err = err ?: skews_start(d) ?: sampling_open(d) ?: rebalances_open(&d->rebalances);
	err = err ?: attachments_open(d) ?: metrics_open(&d->metrics, d->dp) ?: nexthops_open(d);
	err = err ?: guarded_open(d) ?: health_open(d);
	err = err ?: macs_open(&d->macs) ?: loop_start(d);
	if (err)
		return err;
	change_restore(d);
	err = gating_open(d);
	if (err)
		return err;
	attachments_adopt(d);
	macs_sync(d);
	daemon_event(d, d->dp->adopted ? "adopt" : "start", &d->self,
		     "evenkeeld " EK_VERSION " started, revision %lld in force%s%s",
		     (long long)d->revision.number, d->trouble[0] ? "; " : "", d->trouble);
	return control_start(d->control) ?: http_start(d->http);
}

int daemon_run(struct daemon *d)
{
	log_notice("evenkeeld " EK_VERSION " is ready on %s, revision %lld in force",
		   d->options.socket, (long long)d->revision.number);
	notify_manager("READY=1");
	uv_run(&d->loop, UV_RUN_DEFAULT);
	notify_manager("STOPPING=1");
	daemon_event(d, "stop", &d->self, "evenkeeld ended on a signal; forwarding goes on");
	return 0;
}

static void close_handle(uv_handle_t *handle, void *context)
{
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

void daemon_close(struct daemon *d)
{
	if (!d->loop.data)
		return; /* nothing else was opened */
	control_close(d->control);
	http_close(d->http);
	alerting_close(d->alerting);
	nexthops_close(d->nexthops);
	/* What has no callback of its own: timers and signals. */
	uv_walk(&d->loop, close_handle, NULL);
	uv_run(&d->loop, UV_RUN_DEFAULT);
	uv_loop_close(&d->loop);
	rebalances_close(d->rebalances); /* its checks end before what makes them */
	pipeline_close(d->pipeline);     /* and its probes */
	health_close(d->healths);
	guarded_close(d);
	attachments_close(d->attachments);
	skews_close(d->skews);
	sampling_close(d->sampling);
	samples_close(d->samples);
	metrics_close(d->metrics);
	macs_close(d->macs);
	dp_lost_close(d->lost);
	dp_close(d->dp);
	config_free(d->config);
	journal_revision_release(&d->revision);
	proposals_close(d->proposals);
	gating_close(d->gating);
	drains_close(d->drains);
	loads_close(d->loads);
	journal_close(d->journal);
	close_fd(&d->pins_lock);
}

/* SPDX-License-Identifier: GPL-2.0 */
#include "daemon/drift.h"

#include <string.h>

#include "daemon/health.h"
#include "daemon/log.h"
#include "daemon/skews.h"
#include "dp/drift.h"
#include "dp/install.h"

#define SERVICES_NS 2000000u

/* Told in a second at most: whoever writes the maps in a loop must not fill the journal. */
#define TOLD_MAX 8u

struct findings {
	struct daemon *daemon;
	unsigned int count;
};

static void found(void *context, const char *subject, const char *text)
{
	struct findings *f = context;

	f->daemon->drifts++;
	if (f->count++ >= TOLD_MAX)
		return;
	log_warning("drift: %s: %s; set right", subject, text);
	daemon_event(f->daemon, "drift", &f->daemon->self, "%s: %s; set right", subject, text);
}

static void check_services(struct findings *f)
{
	struct daemon *d = f->daemon;
	uint64_t until = uv_hrtime() + SERVICES_NS;

	for (size_t i = 0; i < d->config->service_count && uv_hrtime() < until; i++) {
		const struct config_service *s =
			&d->config->services[d->drift_next++ % d->config->service_count];
		int service = dp_service_index(d->dp, s->name);
		uint32_t wrong;
		int err;

		if (service < 0)
			continue;
		err = dp_drift_service(d->dp, (uint32_t)service, s, &wrong, found, f);
		if (err)
			log_warning("drift: service %s could not be compared: %s", s->name,
				    strerror(-err));
		else
			skews_wrong(d->skews, (uint32_t)service, wrong);
	}
}

void drift_check(struct daemon *d)
{
	struct findings f = { .daemon = d };
	int err;

	/* What could not be installed is not what the maps should be. */
	if (!d->config || d->trouble[0])
		return;
	if (dp_drift_global(d->dp, found, &f)) {
		char error[DP_ERROR_MAX] = "";

		if (health_reinstall(d, error))
			log_warning("drift: the listeners could not be laid out anew: %s", error);
	}
	err = dp_drift_backends(d->dp, found, &f);
	if (err)
		log_warning("drift: a backend's way could not be put back: %s", strerror(-err));
	check_services(&f);
	if (f.count > TOLD_MAX)
		log_warning("drift: %u more, set right too", f.count - TOLD_MAX);
}

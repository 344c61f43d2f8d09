/* SPDX-License-Identifier: GPL-2.0 */
#include "daemon/sampling.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "daemon/health.h"
#include "daemon/log.h"
#include "daemon/pipeline.h"
#include "daemon/sample.h"
#include "daemon/skews.h"
#include "dp/rehearse.h"
#include "dp/sample.h"
#include "evenkeel/hash.h"
#include "lib/allot.h"
#include "lib/cleanup.h"
#include "lib/clients_predict.h"

/* 8 MiB, touched only where there is traffic: enough to predict from for 1000 services that are all
 * busy alike. */
#define CLIENTS_CAPACITY 131072u
_Static_assert(sizeof(struct client_packet) == 64, "as the manual says");
_Static_assert(CLIENTS_CAPACITY / 1000 > CLIENT_SAMPLES_MIN, "enough for each");
/* A service that pauses is soon as busy again: its rate is forgotten by a fifth a second. */
#define RATE_KEPT 0.8

struct sampling {
	struct dp_sampler *sampler;
	struct clients *clients;
	struct handshakes *handshakes; /* by backend */
	struct handshakes pools[EK_SERVICES_MAX];
	bool *suspect;
	uint64_t who[EK_SERVICES_MAX];   /* a hash of the name; 0: nobody */
	double rates[EK_SERVICES_MAX];   /* packets a second, of late */
	double seconds[EK_SERVICES_MAX]; /* and in the last one */
	uint8_t shifts[EK_SERVICES_MAX];
	bool off;
	uint32_t now_s;
};

int sampling_open(struct daemon *d)
{
	struct sampling *s = calloc(1, sizeof(*s));
	uint64_t seed;
	int err = -ENOMEM;

	if (!s)
		return log_err(err, "out of memory");
	d->sampling = s;
	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		return log_err(-errno, "no random number for the samples of packets");
	s->handshakes = calloc(d->dp->sizes.backends, sizeof(*s->handshakes));
	s->suspect = calloc(d->dp->sizes.backends, sizeof(*s->suspect));
	if (s->handshakes && s->suspect)
		err = dp_sampler_open(&s->sampler, d->dp);
	err = err ?: clients_open(&s->clients, CLIENTS_CAPACITY, SAMPLING_WINDOW_S, seed);
	return err ? log_err(err, "no memory for samples of packets") : 0;
}

void sampling_close(struct sampling *s)
{
	if (!s)
		return;
	dp_sampler_close(s->sampler);
	clients_close(s->clients);
	free(s->handshakes);
	free(s->suspect);
	free(s);
}

/* ---- who is who ------------------------------------------------------------------------------- */

/* An index that another service has now has no clients yet. */
static void services_follow(struct sampling *s, const struct daemon *d)
{
	bool gone[EK_SERVICES_MAX] = {}, any = false;

	for (uint32_t i = 0; i < EK_SERVICES_MAX; i++) {
		const char *name = d->dp->service_ids[i].name;
		uint64_t who = 0;

		for (; *name; name++)
			who = ek_mix(who ^ (uint8_t)*name, 0);
		gone[i] = s->who[i] && s->who[i] != who;
		any |= gone[i];
		s->who[i] = who;
	}
	if (any)
		clients_forget(s->clients, gone);
}

/* ---- how densely ----------------------------------------------------------------------------- */

static void rates_follow(struct sampling *s, const struct daemon *d)
{
	for (uint32_t i = 0; i < EK_SERVICES_MAX; i++)
		s->seconds[i] = 0;
	for (uint32_t i = 1; i < d->dp->sizes.backends; i++) {
		struct dp_traffic t;

		if (d->dp->backend_ids[i].used == BACKEND_FREE)
			continue;
		samples_second(d->samples, i, &t);
		s->seconds[d->dp->backend_ids[i].service] += (double)t.packets;
	}
	for (uint32_t i = 0; i < EK_SERVICES_MAX; i++) {
		s->rates[i] *= RATE_KEPT;
		if (s->rates[i] < s->seconds[i])
			s->rates[i] = s->seconds[i];
	}
}

static void shifts_set(struct sampling *s, struct daemon *d)
{
	double budget = d->options.samples;
	double most = allot_most(s->rates, EK_SERVICES_MAX, budget);

	for (uint32_t i = 0; i < EK_SERVICES_MAX; i++)
		s->shifts[i] = budget > 0 ? allot_shift(s->rates[i], most) : EK_SAMPLE_OFF;
	for (uint32_t i = 1; i < d->dp->sizes.backends; i++) {
		const struct ek_backend_id *id = &d->dp->backend_ids[i];

		if (id->used != BACKEND_FREE &&
		    dp_sampled_every(d->dp, i) != s->shifts[id->service])
			dp_sample_every(s->sampler, d->dp, i, s->shifts[id->service]);
	}
}

/* ---- what was seen --------------------------------------------------------------------------- */

static void on_sample(void *context, const struct ek_sample *sample, double packets)
{
	struct daemon *d = context;
	const struct client_packet p = {
		.client = sample->client,
		.dest = sample->dest,
		.service = d->dp->backend_ids[sample->backend].service,
		.backend = sample->backend,
		.sport = sample->sport,
		.dport = sample->dport,
		.proto = sample->proto,
		.syn = sample->flags & EK_SAMPLE_SYN,
		.at_s = d->sampling->now_s,
		.packets = (float)packets,
		.bytes = (float)packets * (float)sample->bytes,
	};

	/* What was run through the program after a change is nobody's. */
	if (dp_rehearse_client(&p.client))
		return;
	clients_add(d->sampling->clients, &p);
	skews_sample(d->skews, &p);
}

static void on_handshake(void *context, uint32_t backend, bool followed)
{
	struct daemon *d = context;

	handshakes_note(&d->sampling->handshakes[backend], followed);
	pipeline_handshake(d, backend, followed);
}

static struct handshakes peers_of(const struct sampling *s, uint32_t service, uint32_t backend)
{
	return (struct handshakes){
		s->pools[service].followed - s->handshakes[backend].followed,
		s->pools[service].alone - s->handshakes[backend].alone,
	};
}

#define HANDSHAKES_TEXT_MAX 160
static void handshakes_text(const struct daemon *d, uint32_t backend,
			    char out[static HANDSHAKES_TEXT_MAX])
{
	const struct sampling *s = d->sampling;
	const struct handshakes *h = &s->handshakes[backend];
	struct handshakes peers = peers_of(s, d->dp->backend_ids[backend].service, backend);

	snprintf(out, HANDSHAKES_TEXT_MAX,
		 "%.0f of %.0f sampled SYNs within %.0f s were followed by nothing; of its peers' "
		 "%.0f of %.0f",
		 h->alone, h->alone + h->followed, HANDSHAKES_HORIZON_S, peers.alone,
		 peers.alone + peers.followed);
}

static void say_suspect(const struct daemon *d, uint32_t backend)
{
	const struct ek_backend_id *id = &d->dp->backend_ids[backend];
	char text[HANDSHAKES_TEXT_MAX];

	handshakes_text(d, backend, text);
	log_notice("%s/%s: %s: it is checked at once", d->dp->service_ids[id->service].name,
		   id->name, text);
}

void handshakes_examine(struct findings *f, const struct daemon *d, uint32_t backend)
{
	const struct ek_backend_id *id = &d->dp->backend_ids[backend];
	char text[HANDSHAKES_TEXT_MAX], subject[2 * EK_NAME_MAX + 2], remedy[EK_NAME_MAX + 128];

	if (!d->sampling->suspect[backend])
		return;
	handshakes_text(d, backend, text);
	snprintf(subject, sizeof(subject), "%s/%s", d->dp->service_ids[id->service].name, id->name);
	snprintf(remedy, sizeof(remedy),
		 "on %s: does it answer from the service's address, and do answers reach clients?",
		 id->name);
	finding_add(f, FINDING_WARNING, "handshakes", subject, remedy, "%s", text);
}

/* A hint to the checks, each second that it stands. */
static void handshakes_judge(struct daemon *d)
{
	struct sampling *s = d->sampling;
	const struct ek_backend_id *ids = d->dp->backend_ids;

	for (uint32_t i = 0; i < EK_SERVICES_MAX; i++)
		s->pools[i] = (struct handshakes){};
	for (uint32_t i = 1; i < d->dp->sizes.backends; i++) {
		if (ids[i].used == BACKEND_FREE) {
			handshakes_forget(&s->handshakes[i]);
			continue;
		}
		handshakes_decay(&s->handshakes[i]);
		s->pools[ids[i].service].followed += s->handshakes[i].followed;
		s->pools[ids[i].service].alone += s->handshakes[i].alone;
	}
	for (uint32_t i = 1; i < d->dp->sizes.backends; i++) {
		struct handshakes peers = peers_of(s, ids[i].service, i);
		bool was = s->suspect[i];

		s->suspect[i] = handshakes_suspect(&s->handshakes[i], &peers);
		if (!s->suspect[i])
			continue;
		health_hint(d, i, was);
		if (!was)
			say_suspect(d, i);
	}
}

void sampling_tick(struct daemon *d)
{
	struct sampling *s = d->sampling;

	s->now_s = clock_now_s();
	services_follow(s, d);
	dp_samples_read(s->sampler, d->dp, on_sample, d);
	clients_end_second(s->clients);
	rates_follow(s, d);
	shifts_set(s, d);
	dp_handshakes_read(d->dp, s->now_s, HANDSHAKE_WAIT_S, on_handshake, d);
	handshakes_judge(d);
}

const struct clients *sampling_clients(const struct daemon *d)
{
	return d->sampling->clients;
}

bool sampling_handshakes(const struct daemon *d, uint32_t backend, struct handshakes *out)
{
	*out = d->sampling->handshakes[backend];
	return d->sampling->suspect[backend];
}

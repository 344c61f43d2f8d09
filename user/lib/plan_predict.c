// SPDX-License-Identifier: GPL-2.0
/* What the clients of the last minutes would make of the tables of a plan. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/plan_internal.h"

static const struct client_view *view_of(const struct plan_input *in, const char *service)
{
	for (size_t i = 0; i < in->service_count; i++)
		if (in->services[i].clients.packets && !strcmp(in->services[i].service, service))
			return &in->services[i].clients;
	return NULL;
}

/* Who stays in the pool and gets new flows keeps what it has. */
static uint32_t *keepers(const struct plan_service *p, bool now, size_t *count)
{
	uint32_t *keeps;

	*count = 1;
	for (size_t i = 0; i < p->count; i++)
		if (p->backends[i].index >= *count)
			*count = p->backends[i].index + 1;
	keeps = calloc(*count, sizeof(*keeps));
	for (size_t i = 0; keeps && i < p->count; i++) {
		const struct plan_backend *b = &p->backends[i];

		if (b->index && (now ? b->answering : b->old_answering) > 0)
			keeps[b->index] = (uint32_t)i + 1;
	}
	return keeps;
}

static int predict(struct client_load *out, struct plan_service *p, const struct client_view *view,
		   const struct plan_table *t, bool now, struct ek_key key)
{
	struct client_table table = {
		.owners = t->owners,
		.slots = t->slots,
		.count = p->count,
		.hash = (now ? p->now : p->old)->hash,
		.key = key,
	};
	_cleanup_(free_ptr) uint32_t *keeps = keepers(p, now, &table.keeps_count);

	if (!keeps)
		return -ENOMEM;
	table.keeps = keeps;
	clients_predict(out, p->clients.sample, view, &table);
	return 0;
}

int plan_predict(struct plan_service *p, const struct plan_input *in,
		 const struct plan_table *before, const struct plan_table *after)
{
	const struct client_view *given = view_of(in, p->name);
	struct plan_clients *c = &p->clients;
	struct client_view view;
	int err;

	if (!given || !p->old || !p->now)
		return 0;
	view = *given;
	c->sampled = true;
	c->count = view.count;
	c->seconds = view.seconds;
	if (view.count < CLIENT_SAMPLES_MIN)
		return 0;
	c->before = calloc(p->count + 1, sizeof(*c->before));
	c->after = calloc(p->count + 1, sizeof(*c->after));
	if (!c->before || !c->after)
		return -ENOMEM;
	client_view_sort(&view);
	err = predict(c->before, p, &view, before, false, in->key);
	err = err ?: predict(c->after, p, &view, after, true, in->key);
	for (enum client_measure m = 0; m < CLIENT_MEASURES; m++)
		c->known[m] = c->sample[m].samples >= CLIENT_SAMPLES_MIN;
	return err;
}

/* ---- for people ------------------------------------------------------------------------------ */

static void bytes_print(FILE *out, double bytes)
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB" };
	size_t unit = 0;

	for (; bytes >= 1000 && unit + 1 < sizeof(units) / sizeof(units[0]); unit++)
		bytes /= 1000;
	fprintf(out, bytes >= 100 || !unit ? "%.0f %s" : "%.1f %s", bytes, units[unit]);
}

/* "25.0 % -> 78.2 %" */
static void share_print(FILE *out, const struct plan_service *s, size_t i, enum client_measure m)
{
	char text[32] = "-";

	if (s->clients.known[m])
		snprintf(text, sizeof(text), "%.1f %% -> %.1f %%",
			 100 * s->clients.before[i].share[m], 100 * s->clients.after[i].share[m]);
	fprintf(out, "  %18s", text);
}

/* The client with the most bytes there, if it is anybody to speak of: a tenth of all. */
#define HEAVY 0.1

static void heaviest_print(FILE *out, const struct client_load *load)
{
	char text[ADDR_TEXT_MAX];

	if (load->heaviest_share[CLIENT_BYTES] >= HEAVY)
		fprintf(out, "  %s has %.1f %%", addr_text(&load->heaviest[CLIENT_BYTES], text),
			100 * load->heaviest_share[CLIENT_BYTES]);
}

static double rate_of(const struct plan_service *s, enum client_measure m, double load)
{
	return s->clients.sample[m].all / s->clients.seconds * load;
}

static void row_print(FILE *out, const struct plan_service *s, size_t i, int width, double load)
{
	const struct plan_backend *b = &s->backends[i];
	double bytes = rate_of(s, CLIENT_BYTES, load);

	fprintf(out, "  %-*s", width, (b->now ? b->now : b->old)->name);
	for (enum client_measure m = 0; m < CLIENT_MEASURES; m++)
		share_print(out, s, i, m);
	fputs("  ", out);
	bytes_print(out, bytes * s->clients.before[i].share[CLIENT_BYTES]);
	fputs(" -> ", out);
	bytes_print(out, bytes * s->clients.after[i].share[CLIENT_BYTES]);
	heaviest_print(out, &s->clients.after[i]);
	fputc('\n', out);
}

static void period_print(FILE *out, const struct plan_clients *c)
{
	if (c->seconds >= 120)
		fprintf(out, "%zu sample%s of clients in %.0f minutes", c->count,
			c->count == 1 ? "" : "s", floor(c->seconds / 60));
	else
		fprintf(out, "%zu sample%s of clients in %.0f s", c->count,
			c->count == 1 ? "" : "s", c->seconds);
}

void plan_clients_print(FILE *out, const struct plan_service *s, double load)
{
	const struct plan_clients *c = &s->clients;
	int width = (int)strlen("BACKEND");

	if (!c->sampled)
		return;
	if (!c->after) {
		fputs("  no prediction: ", out);
		period_print(out, c);
		fputc('\n', out);
		return;
	}
	fputs("  predicted by ", out);
	period_print(out, c);
	fprintf(out, ", hash: %s:\n", config_hash_name(s->now->hash));
	for (size_t i = 0; i < s->count; i++) {
		const struct plan_backend *b = &s->backends[i];
		int length = (int)strlen((b->now ? b->now : b->old)->name);

		width = length > width ? length : width;
	}
	fprintf(out, "  %-*s  %18s  %18s  %18s  BYTES/S\n", width, "BACKEND", "NEW FLOWS",
		"PACKETS", "BYTES");
	for (size_t i = 0; i < s->count; i++)
		row_print(out, s, i, width, load);
}

/* ---- as JSON --------------------------------------------------------------------------------- */

json_t *plan_clients_json(const struct plan_service *s, double load)
{
	const struct plan_clients *c = &s->clients;

	if (!c->sampled)
		return json_null();
	return json_pack("{s:I, s:f, s:b, s:f, s:f}", "samples", (json_int_t)c->count, "seconds",
			 c->seconds, "known", c->after != NULL, "packets_per_s",
			 c->after ? rate_of(s, CLIENT_PACKETS, load) : 0.0, "bytes_per_s",
			 c->after ? rate_of(s, CLIENT_BYTES, load) : 0.0);
}

static json_t *measure_json(const struct plan_service *s, size_t i, enum client_measure m,
			    double rate)
{
	double before = s->clients.before[i].share[m], after = s->clients.after[i].share[m];

	if (!s->clients.known[m])
		return json_null();
	return json_pack("{s:f, s:f, s:f, s:f}", "share_now", before, "share_after", after,
			 "per_s_now", before * rate, "per_s_after", after * rate);
}

json_t *plan_client_json(const struct plan_service *s, size_t i, double load)
{
	const struct client_load *after = s->clients.after ? &s->clients.after[i] : NULL;
	double flows = s->has_rate ? s->rate : 0;
	char text[ADDR_TEXT_MAX];
	json_t *heaviest;

	if (!after)
		return json_null();
	if (!s->has_rate && s->clients.known[CLIENT_FLOWS])
		flows = rate_of(s, CLIENT_FLOWS, load);
	heaviest = !(after->heaviest_share[CLIENT_BYTES] > 0)
			   ? json_null()
			   : json_pack("{s:s, s:f}", "address",
				       addr_text(&after->heaviest[CLIENT_BYTES], text),
				       "share_bytes", after->heaviest_share[CLIENT_BYTES]);
	return json_pack("{s:o, s:o, s:o, s:o}", "flows", measure_json(s, i, CLIENT_FLOWS, flows),
			 "packets",
			 measure_json(s, i, CLIENT_PACKETS, rate_of(s, CLIENT_PACKETS, load)),
			 "bytes", measure_json(s, i, CLIENT_BYTES, rate_of(s, CLIENT_BYTES, load)),
			 "heaviest", heaviest);
}

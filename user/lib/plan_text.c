// SPDX-License-Identifier: GPL-2.0
/* A plan for people, and as JSON. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/plan_internal.h"

static void json_release(json_t **j)
{
	json_decref(*j);
}

/* ---- for people ------------------------------------------------------------------------------ */

#define CELL_MAX 64
#define COLUMNS 7

/* One line of the table of a service. */
struct row {
	char cell[COLUMNS][CELL_MAX];
};

static const char *name_of(const struct plan_backend *b)
{
	return (b->now ? b->now : b->old)->name;
}

static void share_cell(char out[static CELL_MAX], double share, bool is_there)
{
	if (is_there)
		snprintf(out, CELL_MAX, "%.1f %%", 100 * share);
	else
		snprintf(out, CELL_MAX, "-");
}

static void weight_cell(char out[static CELL_MAX], const struct plan_backend *b)
{
	uint32_t before = b->old ? config_backend_weight(b->old) : 0;
	uint32_t after = b->now ? config_backend_weight(b->now) : 0;

	if (!b->now)
		snprintf(out, CELL_MAX, "%u -> gone", before);
	else if (!b->old)
		snprintf(out, CELL_MAX, "new %u", after);
	else if (before != after)
		snprintf(out, CELL_MAX, "%u -> %u", before, after);
	else
		snprintf(out, CELL_MAX, "%u", after);
}

static void flows_cell(char out[static CELL_MAX], const struct plan_service *s,
		       const struct plan_backend *b)
{
	static const char *const answers[] = { "", "", "does not answer" };
	char flows[40];
	const char *note = b->lost ? "lost" : b->now ? answers[b->answer] : flows;
	int used = 0;

	/* Established flows stay, but for those of who goes. */
	snprintf(flows, sizeof(flows), "its flows have %u s to end", s->now->drain_s);
	out[0] = '\0';
	if (s->has_rate && b->capacity > 0)
		used = snprintf(out, CELL_MAX, "%.0f -> %.0f of %.0f", s->rate * b->old_answering,
				b->new_rate, b->capacity);
	else if (s->has_rate)
		used = snprintf(out, CELL_MAX, "%.0f -> %.0f", s->rate * b->old_answering,
				b->new_rate);
	if (*note)
		snprintf(out + used, CELL_MAX - (size_t)used, "%s%s", used ? "  " : "", note);
}

static void row_fill(struct row *r, const struct plan_service *s, const struct plan_backend *b)
{
	const struct config_backend *c = b->now ? b->now : b->old;
	char address[ADDR_TEXT_MAX];

	snprintf(r->cell[0], CELL_MAX, "%s", c->name);
	snprintf(r->cell[1], CELL_MAX, "%s", addr_text(&c->addr, address));
	weight_cell(r->cell[2], b);
	share_cell(r->cell[3], b->old_answering, b->old);
	share_cell(r->cell[4], b->share, b->now);
	share_cell(r->cell[5], b->answering, b->now);
	flows_cell(r->cell[6], s, b);
}

static void rows_print(FILE *out, const struct row *rows, size_t count)
{
	size_t width[COLUMNS] = {};

	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < COLUMNS; k++)
			if (strlen(rows[i].cell[k]) > width[k])
				width[k] = strlen(rows[i].cell[k]);
	for (size_t i = 0; i < count; i++) {
		fputs(" ", out);
		for (size_t k = 0; k + 1 < COLUMNS; k++)
			fprintf(out, k < 3 ? " %-*s" : "  %*s", (int)width[k], rows[i].cell[k]);
		fprintf(out, "%s%s\n", rows[i].cell[COLUMNS - 1][0] ? "  " : "",
			rows[i].cell[COLUMNS - 1]);
	}
}

/* "when web-2 fails, web-1 has 40.0 %" */
static void worst_print(FILE *out, const struct plan_service *s, const struct plan_worst *w)
{
	if (!w->fail_count)
		return;
	fprintf(out, "  at worst, when ");
	for (size_t i = 0; i < w->fail_count; i++)
		fprintf(out, "%s%s", i ? " and " : "", name_of(&s->backends[w->failed[i]]));
	fprintf(out, " fail%s, %s has %.1f %%", w->fail_count == 1 ? "s" : "",
		name_of(&s->backends[w->backend]), 100 * w->share);
	if (s->has_rate)
		fprintf(out, ", %.0f new flows a second", s->rate * w->share);
	if (s->has_rate && s->backends[w->backend].capacity > 0)
		fprintf(out, " of %.0f", s->backends[w->backend].capacity);
	fputc('\n', out);
}

static void head_print(FILE *out, const struct plan_service *s)
{
	fprintf(out, "%s: %zu backends", s->name, s->now->backend_count);
	if (s->old && s->old->backend_count != s->now->backend_count)
		fprintf(out, ", before %zu", s->old->backend_count);
	if (s->rebuilt && s->old && s->old->hash != s->now->hash)
		fprintf(out, "; another hash: all %u slots are unsettled", s->slots);
	else if (s->rebuilt)
		fprintf(out, "; a table of another size: all %u slots are unsettled", s->slots);
	else if (s->old)
		fprintf(out, "; %.1f %% of new flows move (%u of %u slots), established ones stay",
			100.0 * s->moved / s->slots, s->moved, s->slots);
	if (s->mode != ELIGIBLE_HEALTHY)
		fprintf(out, "; %s", eligible_mode_name(s->mode));
	fputc('\n', out);
}

static void service_print(FILE *out, const struct plan_service *s, double load)
{
	static const struct row titles = { { "BACKEND", "ADDRESS", "WEIGHT", "NOW", "AFTER",
					     "ANSWERING", "NEW FLOWS/S" } };
	_cleanup_(free_ptr) struct row *rows = calloc(s->count + 1, sizeof(*rows));

	if (!s->now) {
		fprintf(out, "%s: removed\n", s->name);
		return;
	}
	head_print(out, s);
	if (!rows)
		return;
	rows[0] = titles;
	if (!s->has_rate)
		rows[0].cell[COLUMNS - 1][0] = '\0';
	for (size_t i = 0; i < s->count; i++)
		row_fill(&rows[i + 1], s, &s->backends[i]);
	rows_print(out, rows, s->count + 1);
	plan_clients_print(out, s, load);
	worst_print(out, s, &s->worst[0]);
	if (s->worst[1].fail_count > s->worst[0].fail_count)
		worst_print(out, s, &s->worst[1]);
}

static void host_print(FILE *out, const struct plan_host *h)
{
	char text[ADDR_TEXT_MAX];

	fprintf(out, "host %s, in %zu services: ", addr_text(&h->addr, text), h->services);
	if (h->has_rate)
		fprintf(out, "%.0f -> %.0f new flows a second\n", h->rate, h->new_rate);
	else
		fprintf(out, "shares that add up to %.1f %% -> %.1f %%\n", 100 * h->old_share,
			100 * h->new_share);
}

static void print(FILE *out, const struct plan *p)
{
	for (size_t i = 0; i < p->service_count; i++)
		service_print(out, &p->services[i], p->load);
	for (size_t i = 0; i < p->host_count; i++)
		host_print(out, &p->hosts[i]);
	if (p->service_count && !p->probed)
		fputs("nobody was asked who answers: ANSWERING is as if all did\n", out);
}

char *plan_text(const struct plan *p)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	print(out, p);
	if (!fclose(out))
		return text;
	free(text);
	return NULL;
}

/* ---- as JSON --------------------------------------------------------------------------------- */

static json_t *rate_json(bool known, double rate)
{
	return known ? json_real(rate) : json_null();
}

static json_t *backend_json(const struct plan_service *s, size_t i, double load)
{
	static const char *const answers[] = { "unknown", "yes", "no" };
	const struct plan_backend *b = &s->backends[i];
	const struct config_backend *c = b->now ? b->now : b->old;
	char address[ADDR_TEXT_MAX];
	json_t *weights =
		json_pack("{s:o, s:o}", "now",
			  b->old ? json_integer(config_backend_weight(b->old)) : json_null(),
			  "after",
			  b->now ? json_integer(config_backend_weight(b->now)) : json_null());

	return json_pack("{s:s, s:s, s:o, s:s, s:f, s:f, s:f, s:f, s:o, s:o, s:o, s:o}", "name",
			 c->name, "address", addr_text(&c->addr, address), "weight", weights,
			 "answers", b->lost ? "lost" : answers[b->answer], "share_configured_now",
			 b->old_share, "share_configured_after", b->share, "share_now",
			 b->old_answering, "share_after", b->answering, "flows_now",
			 rate_json(s->has_rate, s->rate * b->old_answering), "flows_after",
			 rate_json(s->has_rate, b->new_rate), "capacity",
			 rate_json(b->capacity > 0, b->capacity), "predicted",
			 plan_client_json(s, i, load));
}

static json_t *worst_json(const struct plan_service *s, const struct plan_worst *w)
{
	json_t *failed = json_array();

	if (!w->fail_count) {
		json_decref(failed);
		return json_null();
	}
	for (size_t i = 0; i < w->fail_count; i++)
		if (json_array_append_new(failed, json_string(name_of(&s->backends[w->failed[i]]))))
			break;
	return json_pack("{s:o, s:s, s:f}", "failed", failed, "backend",
			 name_of(&s->backends[w->backend]), "share", w->share);
}

static json_t *service_json(const struct plan_service *s, double load)
{
	_cleanup_(json_release) json_t *backends = json_array();

	for (size_t i = 0; i < s->count; i++)
		if (json_array_append_new(backends, backend_json(s, i, load)))
			return NULL;
	return json_pack("{s:s, s:s, s:b, s:I, s:I, s:b, s:s, s:o, s:o, s:o, s:o, s:O}", "name",
			 s->name, "change",
			 !s->old   ? "added"
			 : !s->now ? "removed"
				   : "changed",
			 "pool_changes", s->pool_changes, "slots", (json_int_t)s->slots,
			 "slots_moved", (json_int_t)s->moved, "rebuilt", s->rebuilt, "mode",
			 eligible_mode_name(s->mode), "flows", rate_json(s->has_rate, s->rate),
			 "worst_one", worst_json(s, &s->worst[0]), "worst_two",
			 worst_json(s, &s->worst[1]), "clients", plan_clients_json(s, load),
			 "backends", backends);
}

static json_t *host_json(const struct plan_host *h)
{
	char text[ADDR_TEXT_MAX];

	return json_pack("{s:s, s:I, s:o, s:o, s:f, s:f}", "address", addr_text(&h->addr, text),
			 "services", (json_int_t)h->services, "flows_now",
			 rate_json(h->has_rate, h->rate), "flows_after",
			 rate_json(h->has_rate, h->new_rate), "shares_now", h->old_share,
			 "shares_after", h->new_share);
}

json_t *plan_json(const struct plan *p)
{
	_cleanup_(json_release) json_t *services = json_array();
	_cleanup_(json_release) json_t *hosts = json_array();

	for (size_t i = 0; i < p->service_count; i++)
		if (json_array_append_new(services, service_json(&p->services[i], p->load)))
			return NULL;
	for (size_t i = 0; i < p->host_count; i++)
		if (json_array_append_new(hosts, host_json(&p->hosts[i])))
			return NULL;
	return json_pack("{s:b, s:f, s:O, s:O}", "probed", p->probed, "load", p->load, "services",
			 services, "hosts", hosts);
}

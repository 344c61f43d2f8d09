// SPDX-License-Identifier: GPL-2.0
/* The keys of rebalance. */
#include <netinet/in.h>
#include <string.h>

#include "lib/config_keys.h"
#include "lib/config_text.h"

/* Longer than a day nobody waits for a connection's end, and a loop that measures for an hour is
 * behind the load of its day. */
#define WAIT_MIN_MS 1000u
#define WAIT_MAX_MS (24u * 3600 * 1000)
#define MEASURE_MIN_MS 1000u
#define MEASURE_MAX_MS (3600u * 1000)

/* New flows follow the weights at once, what flows carry when flows have ended: a minute is the
 * life of most. */
#define WAIT_FLOWS_MS 10000u
#define WAIT_TRAFFIC_MS 60000u

/* An agent's answer costs a server something, and one that is older than a few minutes is not of the
 * load that is measured. */
#define ASK_INTERVAL_DEFAULT_S 1u
#define ASK_INTERVAL_MIN_S 1u
#define ASK_INTERVAL_MAX_S 60u
#define ASK_TIMEOUT_DEFAULT_MS 500u

static const char *const loads[] = { "flows", "packets", "bytes", "load" };
static const char *const modes[] = { "off", "observe", "on" };

const char *config_load_name(enum config_load by)
{
	return loads[by];
}

#define WANT_DURATION_MS "a duration: 500ms, 2s, 1m, or seconds"
#define READER(name)                                                                               \
	static void read_##name(const struct reader *r, const struct key *key,                     \
				const struct node *value, void *object)
/* Most are a value that goes into a field as it is. */
#define FIELD(name, read, type, field)                                                             \
	READER(name)                                                                               \
	{                                                                                          \
		read(r, key, value, &((struct type *)object)->field);                              \
	}

READER(mode)
{
	struct config_rebalance *b = object;
	uint32_t choice;

	if (read_choice(r, key, value, modes, ARRAY_SIZE(modes), &choice))
		b->mode = (enum rebalance_mode)choice;
}

READER(by)
{
	struct config_rebalance *b = object;
	uint32_t choice;

	if (read_choice(r, key, value, loads, ARRAY_SIZE(loads), &choice))
		b->by = (enum config_load)choice;
}

FIELD(wait, read_duration_ms, config_rebalance, wait_ms)
FIELD(measure, read_duration_ms, config_rebalance, measure_ms)
FIELD(min, read_number, config_rebalance, min)
FIELD(max, read_number, config_rebalance, max)

/* ---- what backends are asked ----------------------------------------------------------------- */

FIELD(ask_port, read_number, config_ask, port)
FIELD(ask_interval, read_duration, config_ask, interval_s)
FIELD(ask_timeout, read_duration_ms, config_ask, timeout_ms)
READER(ask_path)
{
	read_url_path(r, key, value, ((struct config_ask *)object)->path);
}

static const struct key ask_keys[] = {
	{ "port", "a number from 1 to 65535", read_ask_port, 1, UINT16_MAX },
	{ "path", "a path: /load", read_ask_path, 0, CONFIG_ASK_PATH_MAX },
	{ "interval", "a duration: 1s, 10s, or seconds", read_ask_interval, ASK_INTERVAL_MIN_S,
	  ASK_INTERVAL_MAX_S },
	{ "timeout", WANT_DURATION_MS, read_ask_timeout, CONFIG_TIMEOUT_MIN_MS,
	  ASK_INTERVAL_MAX_S * 1000 },
};
const struct schema config_ask_schema = {
	"in load",
	"port, path, interval, timeout",
	ask_keys,
	ARRAY_SIZE(ask_keys),
};

READER(load)
{
	struct config_rebalance *b = object;

	b->ask.place = value->place;
	if (expect_kind(r, key, value, NODE_MAPPING))
		read_mapping(r, &config_ask_schema, value, &b->ask);
}

static void fill_ask(struct config_ask *a)
{
	a->interval_s = a->interval_s ? a->interval_s : ASK_INTERVAL_DEFAULT_S;
	a->timeout_ms = a->timeout_ms ? a->timeout_ms : ASK_TIMEOUT_DEFAULT_MS;
	if (!a->path[0])
		memcpy(a->path, "/load", sizeof("/load"));
}

/* By default who is asked is also listened to. */
static void settle_ask(const struct reader *r, struct config_rebalance *b, bool by_said)
{
	if (b->ask.place.line && !by_said)
		b->by = CONFIG_LOAD_TOLD;
	if (b->by == CONFIG_LOAD_TOLD) {
		fill_ask(&b->ask);
		return;
	}
	if (b->ask.place.line)
		diag_error_at(r->d, b->ask.place,
			      "load has a meaning with 'by: load' only, which is what it means "
			      "without 'by'");
	b->ask = (struct config_ask){};
}

/* ---- the keys -------------------------------------------------------------------------------- */

enum { REBALANCE_BY = 1 };

#define WANT_MODE "off, observe or on"
static const struct key rebalance_keys[] = {
	{ .name = "mode", .want = WANT_MODE, .read = read_mode },
	[REBALANCE_BY] = { .name = "by", .want = "flows, packets, bytes or load", .read = read_by },
	{ "wait", WANT_DURATION_MS, read_wait, WAIT_MIN_MS, WAIT_MAX_MS },
	{ "measure", WANT_DURATION_MS, read_measure, MEASURE_MIN_MS, MEASURE_MAX_MS },
	{ "min", "a percentage from 10 to 100", read_min, 10, 100 },
	{ "max", "a percentage from 100 to 400", read_max, 100, 400 },
	{ .name = "load",
	  .want = "a mapping with the keys port, path, interval and timeout",
	  .read = read_load },
};
const struct schema config_rebalance_schema = {
	"in rebalance",
	"mode, by, wait, measure, min, max, load",
	rebalance_keys,
	ARRAY_SIZE(rebalance_keys),
};

/* Off: what is even by the weights is what was asked for, and who knows that a service's load is
 * not what its traffic is says so. */
void default_rebalance(struct config_rebalance *b)
{
	*b = (struct config_rebalance){
		.mode = REBALANCE_OFF,
		.by = CONFIG_LOAD_PACKETS,
		.measure_ms = 10000,
		.min = 50,
		.max = 150,
	};
}

/* rebalance: on, or a mapping, which means on unless it says otherwise. */
void read_rebalance(const struct reader *r, const struct key *key, const struct node *value,
		    void *object)
{
	struct config_service *s = object;
	struct config_rebalance *b = &s->rebalance;
	unsigned int seen = 0;

	if (value->kind == NODE_SCALAR) {
		read_mode(r, key, value, b);
	} else if (expect_kind(r, key, value, NODE_MAPPING)) {
		b->mode = REBALANCE_ON;
		seen = read_mapping(r, &config_rebalance_schema, value, b);
	}
	settle_ask(r, b, seen & 1u << REBALANCE_BY);
	if (b->mode == REBALANCE_OFF) /* then the rest means nothing */
		default_rebalance(b);
	else if (!b->wait_ms)
		b->wait_ms = b->by == CONFIG_LOAD_FLOWS ? WAIT_FLOWS_MS : WAIT_TRAFFIC_MS;
}

void config_check_rebalance(const struct config_service *s, struct diag *d)
{
	const struct config_ask *a = &s->rebalance.ask;
	struct place place = a->place.line ? a->place : s->place;

	if (s->rebalance.by != CONFIG_LOAD_TOLD)
		return;
	if (a->timeout_ms >= a->interval_s * 1000)
		diag_error_at(d, place,
			      "service '%s': the timeout of load, %u ms, must be below its "
			      "interval, %u ms: one answer is awaited before the next is asked for",
			      s->name, a->timeout_ms, a->interval_s * 1000);
	if (!a->port && !config_listener_of(s, IPPROTO_TCP) && s->listener_count)
		diag_error_at(d, place,
			      "service '%s': load needs a port, as load: { port: 8080 }: the "
			      "service has no listener with tcp to take it from",
			      s->name);
}

/* ---- canonical text -------------------------------------------------------------------------- */

static json_t *ask_json(const struct config_ask *a)
{
	json_t *j = json_pack("{s:s, s:I, s:o}", "path", a->path, "interval",
			      (json_int_t)a->interval_s, "timeout", ms_json(a->timeout_ms));

	if (j && a->port && json_object_set_new(j, "port", json_integer(a->port))) {
		json_decref(j);
		return NULL;
	}
	return j;
}

json_t *rebalance_json(const struct config_service *s)
{
	const struct config_rebalance *b = &s->rebalance;
	json_t *j;

	if (b->mode == REBALANCE_OFF)
		return json_string("off");
	j = json_pack("{s:s, s:s, s:o, s:o, s:I, s:I}", "mode", modes[b->mode], "by", loads[b->by],
		      "wait", ms_json(b->wait_ms), "measure", ms_json(b->measure_ms), "min",
		      (json_int_t)b->min, "max", (json_int_t)b->max);
	if (j && b->by == CONFIG_LOAD_TOLD && json_object_set_new(j, "load", ask_json(&b->ask))) {
		json_decref(j);
		return NULL;
	}
	return j;
}

// SPDX-License-Identifier: GPL-2.0
/* The keys of rebalance. */
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

static const char *const loads[] = { "flows", "packets", "bytes" };
static const char *const modes[] = { "off", "observe", "on" };

const char *config_load_name(enum config_load by)
{
	return loads[by];
}

#define READER(name)                                                                               \
	static void read_##name(const struct reader *r, const struct key *key,                     \
				const struct node *value, void *object)

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

READER(wait)
{
	struct config_rebalance *b = object;

	read_duration_ms(r, key, value, &b->wait_ms);
}

READER(measure)
{
	struct config_rebalance *b = object;

	read_duration_ms(r, key, value, &b->measure_ms);
}

READER(min)
{
	struct config_rebalance *b = object;

	read_number(r, key, value, &b->min);
}

READER(max)
{
	struct config_rebalance *b = object;

	read_number(r, key, value, &b->max);
}

#define WANT_MODE "off, observe or on"
#define WANT_DURATION_MS "a duration: 500ms, 2s, 1m, or seconds"
static const struct key rebalance_keys[] = {
	{ .name = "mode", .want = WANT_MODE, .read = read_mode },
	{ .name = "by", .want = "flows, packets or bytes", .read = read_by },
	{ "wait", WANT_DURATION_MS, read_wait, WAIT_MIN_MS, WAIT_MAX_MS },
	{ "measure", WANT_DURATION_MS, read_measure, MEASURE_MIN_MS, MEASURE_MAX_MS },
	{ "min", "a percentage from 10 to 100", read_min, 10, 100 },
	{ "max", "a percentage from 100 to 400", read_max, 100, 400 },
};
const struct schema config_rebalance_schema = {
	"in rebalance",
	"mode, by, wait, measure, min, max",
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

	if (value->kind == NODE_SCALAR) {
		read_mode(r, key, value, b);
	} else if (expect_kind(r, key, value, NODE_MAPPING)) {
		b->mode = REBALANCE_ON;
		read_mapping(r, &config_rebalance_schema, value, b);
	}
	if (b->mode == REBALANCE_OFF) /* then the rest means nothing */
		default_rebalance(b);
	else if (!b->wait_ms)
		b->wait_ms = b->by == CONFIG_LOAD_FLOWS ? WAIT_FLOWS_MS : WAIT_TRAFFIC_MS;
}

json_t *rebalance_json(const struct config_service *s)
{
	const struct config_rebalance *b = &s->rebalance;

	if (b->mode == REBALANCE_OFF)
		return json_string("off");
	return json_pack("{s:s, s:s, s:o, s:o, s:I, s:I}", "mode", modes[b->mode], "by",
			 loads[b->by], "wait", ms_json(b->wait_ms), "measure",
			 ms_json(b->measure_ms), "min", (json_int_t)b->min, "max",
			 (json_int_t)b->max);
}

// SPDX-License-Identifier: GPL-2.0
/* `stage`: how changes are brought into force. */
#include "lib/config_keys.h"

#define CONFIG_WATCH_MAX_S (24u * 3600)

void config_stage_default(struct config_stage *s)
{
	static const uint16_t percent[] = { 1, 5, 25, 50, 100 };

	*s = (struct config_stage){ .watch_s = 60, .step_count = ARRAY_SIZE(percent) };
	for (size_t i = 0; i < ARRAY_SIZE(percent); i++)
		s->steps[i] = percent[i];
}

static void read_step(const struct reader *r, const struct node *item, struct config_stage *s)
{
	static const struct key as_item = {
		.name = "a step",
		.want = "a number from 1 to 100",
		.min = 1,
		.max = 100,
	};
	uint32_t last = s->step_count ? s->steps[s->step_count - 1] : 0, percent = 0;

	read_number(r, &as_item, item, &percent);
	if (!percent)
		return;
	if (percent <= last)
		diag_error_at(r->d, item->place, "step %u is not above the one before, %u", percent,
			      last);
	else if (s->step_count < CONFIG_STEPS_MAX)
		s->steps[s->step_count++] = (uint16_t)percent;
}

static void read_steps(const struct reader *r, const struct key *key, const struct node *value,
		       void *object)
{
	struct config_stage *s = object;

	if (!expect_kind(r, key, value, NODE_SEQUENCE))
		return;
	if (node_count(r, value) > CONFIG_STEPS_MAX) {
		diag_error_at(r->d, value->place, "%zu steps are more than %u",
			      node_count(r, value), CONFIG_STEPS_MAX);
		return;
	}
	s->step_count = 0;
	for (const struct node *item = NULL; (item = next_item(r, value, item));)
		read_step(r, item, s);
	if (!s->step_count || s->steps[s->step_count - 1] != 100)
		diag_error_at(r->d, value->place, "the last step must be 100");
}

static void read_watch(const struct reader *r, const struct key *key, const struct node *value,
		       void *object)
{
	struct config_stage *s = object;

	read_duration(r, key, value, &s->watch_s);
}

static const struct key stage_keys[] = {
	{ .name = "steps", .want = "a list of percentages, the last one 100", .read = read_steps },
	{ "watch", "a duration: 60s, 5m, or seconds", read_watch, 0, CONFIG_WATCH_MAX_S },
};
const struct schema config_stage_schema = {
	"in stage",
	"steps, watch",
	stage_keys,
	ARRAY_SIZE(stage_keys),
};

void read_stage(const struct reader *r, const struct key *key, const struct node *value,
		void *object)
{
	struct config *c = object;

	if (!expect_kind(r, key, value, NODE_MAPPING))
		return;
	c->stage.set = true;
	read_mapping(r, &config_stage_schema, value, &c->stage);
}

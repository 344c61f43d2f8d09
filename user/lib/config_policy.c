// SPDX-License-Identifier: GPL-2.0
/* `policy`: who else has to agree to a change. */
#include <stdlib.h>
#include <string.h>

#include "lib/config_keys.h"
#include "lib/config_text.h"

/* Over night and to the next shift, not over a weekend: by then the plan is another one. */
#define EXPIRES_S (24u * 3600)
#define EXPIRES_MAX_S (30u * 24 * 3600)

void config_policy_default(struct config_policy *p)
{
	*p = (struct config_policy){ .expires_s = EXPIRES_S };
}

const char *config_policy_loosened(const struct config_policy *a, const struct config_policy *b)
{
	if (!a->approvals)
		return NULL;
	if (b->approvals < a->approvals)
		return "approvals";
	if (strcmp(a->group, b->group) != 0)
		return "group";
	if (strcmp(a->signers, b->signers) != 0)
		return "signers";
	return b->expires_s > a->expires_s ? "expires" : NULL;
}

static void read_approvals(const struct reader *r, const struct key *key, const struct node *value,
			   void *object)
{
	struct config_policy *p = object;

	read_number(r, key, value, &p->approvals);
}

static void read_group(const struct reader *r, const struct key *key, const struct node *value,
		       void *object)
{
	struct config_policy *p = object;

	read_bounded(r, key, value, p->group, sizeof(p->group));
}

/* Whoever reads it must find the same file, wherever evenkeeld was started. */
static void read_signers(const struct reader *r, const struct key *key, const struct node *value,
			 void *object)
{
	struct config_policy *p = object;

	read_bounded(r, key, value, p->signers, sizeof(p->signers));
	if (*p->signers && *p->signers != '/')
		diag_error_at(r->d, value->place, "signers '%.64s' does not begin with /",
			      p->signers);
}

static void read_expires(const struct reader *r, const struct key *key, const struct node *value,
			 void *object)
{
	struct config_policy *p = object;

	read_duration(r, key, value, &p->expires_s);
}

static const struct key policy_keys[] = {
	{ "approvals", "a number", read_approvals, 0, POLICY_APPROVALS_MAX },
	{ .name = "group", .want = "the name of a group", .read = read_group },
	{ .name = "signers", .want = "the path of a file", .read = read_signers },
	{ "expires", "a duration: 24h, 90m, or seconds", read_expires, 60, EXPIRES_MAX_S },
};
const struct schema config_policy_schema = {
	"in policy",
	"approvals, group, signers, expires",
	policy_keys,
	ARRAY_SIZE(policy_keys),
};

void read_policy(const struct reader *r, const struct key *key, const struct node *value,
		 void *object)
{
	struct config *c = object;

	if (!expect_kind(r, key, value, NODE_MAPPING))
		return;
	c->policy.set = true;
	c->policy.place = value->place;
	read_mapping(r, &config_policy_schema, value, &c->policy);
}

void config_check_policy(const struct config *c, struct diag *d)
{
	const struct config_policy *p = &c->policy;

	if (p->approvals && !*p->group && !*p->signers)
		diag_error_at(d, p->place,
			      "policy asks for approvals, and nobody could give one: name a group, "
			      "a file of signers, or both");
}

json_t *policy_json(const struct config_policy *p)
{
	return json_pack("{s:I, s:s*, s:s*, s:I}", "approvals", (json_int_t)p->approvals, "group",
			 *p->group ? p->group : NULL, "signers", *p->signers ? p->signers : NULL,
			 "expires", (json_int_t)p->expires_s);
}

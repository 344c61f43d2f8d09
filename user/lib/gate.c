// SPDX-License-Identifier: GPL-2.0
#include "lib/gate.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/gate_internal.h"

static const struct {
	const char *name, *what;
} gates[] = {
#define GATE(id, name, what) { name, what },
	GATES(GATE)
#undef GATE
};

const char *gate_name(enum gate gate)
{
	return gates[gate].name;
}

const char *gate_what(enum gate gate)
{
	return gates[gate].what;
}

int gate_set_parse(unsigned int *out, const char *text, const char **unknown)
{
	unsigned int set = 0;

	while (*text) {
		size_t length = strcspn(text, ",");
		enum gate gate = 0;

		while (gate < GATE_COUNT &&
		       (strncmp(gates[gate].name, text, length) != 0 || gates[gate].name[length]))
			gate++;
		if (gate == GATE_COUNT) {
			*unknown = text;
			return -EINVAL;
		}
		set |= 1u << gate;
		text += length + (text[length] == ',');
	}
	*out = set;
	return 0;
}

char *gate_set_text(char out[static GATE_SET_TEXT_MAX], unsigned int set)
{
	size_t used = 0;

	*out = '\0';
	for (enum gate g = 0; g < GATE_COUNT; g++)
		if (set >> g & 1)
			used += (size_t)snprintf(out + used, GATE_SET_TEXT_MAX - used, "%s%s",
						 used ? "," : "", gates[g].name);
	return out;
}

struct gate_breach *gate_add(struct gate_report *r, const struct gate_input *in, enum gate gate,
			     const char *format, ...)
{
	static struct gate_breach lost;
	struct gate_breach *b;
	va_list arguments;

	if (r->count == r->capacity) {
		size_t capacity = r->capacity ? 2 * r->capacity : 16;
		struct gate_breach *grown = reallocarray(r->breaches, capacity, sizeof(*grown));

		if (!grown) {
			r->out_of_memory = true;
			return &lost;
		}
		r->breaches = grown;
		r->capacity = capacity;
	}
	b = &r->breaches[r->count++];
	*b = (struct gate_breach){ .gate = gate, .forced = in->forced >> gate & 1 };
	va_start(arguments, format);
	(void)vsnprintf(b->text, sizeof(b->text), format, arguments);
	va_end(arguments);
	return b;
}

/* ---- of the whole configuration -------------------------------------------------------------- */

/* As it is in force already, whatever it is compared with. */
static bool is_in_force(const struct gate_input *in, const struct plan_service *s)
{
	const struct config_service *there =
		in->in_force ? config_service(in->in_force, s->name) : NULL;

	return in->in_force &&
	       (there && s->now ? config_service_equal(there, s->now) : !there && !s->now);
}

static bool has_same(const struct config_service *s, const struct config_backend *b)
{
	for (size_t i = 0; i < s->backend_count; i++) {
		const struct config_backend *other = &s->backends[i];

		if (addr_equal(&other->addr, &b->addr) && other->port == b->port)
			return config_backend_weight(other) == config_backend_weight(b);
	}
	return false;
}

/* Who has a weight is as in force already, and answers as before, and so is the hash: nothing is
 * shared otherwise by it. Who is drained may go. */
static bool has_pool_in_force(const struct gate_input *in, const struct plan_service *s)
{
	const struct config_service *there =
		in->in_force && s->now ? config_service(in->in_force, s->name) : NULL;

	if (!there || there->hash != s->now->hash ||
	    config_weighty(there) != config_weighty(s->now))
		return false;
	for (size_t i = 0; i < s->count; i++)
		if (s->backends[i].old && s->backends[i].now &&
		    s->backends[i].answer != s->backends[i].was)
			return false;
	for (size_t i = 0; i < there->backend_count; i++)
		if (config_backend_weight(&there->backends[i]) &&
		    !has_same(s->now, &there->backends[i]))
			return false;
	return true;
}

static void check_lints(struct gate_report *r, const struct gate_input *in)
{
	size_t gone = 0;

	for (size_t i = 0; i < in->lints->count; i++)
		gone += in->lints->findings[i].lint == LINT_DISAPPEARS;
	for (size_t i = 0; i < in->lints->count; i++) {
		const struct lint_finding *f = &in->lints->findings[i];
		bool is_gone = f->lint == LINT_DISAPPEARS;
		struct gate_breach *b;

		/* A silence says that all is well for ever; that something goes is said each time. */
		if (is_gone ? gone <= in->guards->limit[LIMIT_REMOVED]
			    : f->silence || lint_severity(f->lint) != LINT_ERROR ||
				      (in->known && lint_known(in->known, f)))
			continue;
		b = gate_add(r, in, is_gone ? GATE_REMOVED : GATE_CHECK, "%s", f->text);
		b->place = f->place;
		b->value = is_gone ? (double)gone : 1;
		b->limit = is_gone ? in->guards->limit[LIMIT_REMOVED] : 0;
		memcpy(b->service, f->service, sizeof(b->service));
		memcpy(b->backend, f->backend, sizeof(b->backend));
	}
}

static void check_services(struct gate_report *r, const struct gate_input *in)
{
	size_t touched = 0, limit = in->guards->limit[LIMIT_SERVICES];
	size_t part = in->plan->services_before * in->guards->limit[LIMIT_SERVICES_SHARE] / 100;
	struct gate_breach *b;

	for (size_t i = 0; i < in->plan->service_count; i++)
		touched += in->plan->services[i].old && !is_in_force(in, &in->plan->services[i]);
	if (part > limit)
		limit = part;
	if (touched <= limit)
		return;
	b = gate_add(r, in, GATE_SERVICES,
		     "%zu services are touched at once (limit %zu of %zu): make several changes",
		     touched, limit, in->plan->services_before);
	b->value = (double)touched;
	b->limit = (double)limit;
}

static bool touches_services(const struct gate_input *in)
{
	for (size_t i = 0; i < in->plan->service_count; i++)
		if (!is_in_force(in, &in->plan->services[i]))
			return true;
	return false;
}

static void check_policy(struct gate_report *r, const struct gate_input *in)
{
	const char *looser =
		in->policy ? config_policy_loosened(in->policy, &in->now->policy) : NULL;
	struct gate_breach *b;

	if (!looser || !touches_services(in))
		return;
	b = gate_add(r, in, GATE_POLICY,
		     "policy: %s is changed along with services, which may loosen it: first the "
		     "one, then the other",
		     looser);
	b->place = in->now->policy.place;
	b->value = in->now->policy.approvals;
	b->limit = in->policy->approvals;
}

static void check_guards(struct gate_report *r, const struct gate_input *in)
{
	enum guard_limit looser = config_guards_loosened(in->guards, &in->now->guards);
	struct gate_breach *b;

	if (!in->old || looser == GUARD_LIMIT_COUNT || !touches_services(in))
		return;
	b = gate_add(r, in, GATE_GUARDS,
		     "guards: %s is loosened from %u to %u along with a change of services: first "
		     "the one, then the other",
		     guard_limit_name(looser), in->guards->limit[looser],
		     in->now->guards.limit[looser]);
	b->place = in->now->guards.place;
	b->value = in->now->guards.limit[looser];
	b->limit = in->guards->limit[looser];
}

void gate_check(struct gate_report *out, const struct gate_input *in)
{
	struct gate_report r = {};

	check_lints(&r, in);
	check_guards(&r, in);
	check_policy(&r, in);
	check_services(&r, in);
	for (size_t i = 0; i < in->plan->service_count; i++)
		if (!is_in_force(in, &in->plan->services[i]) &&
		    !has_pool_in_force(in, &in->plan->services[i]))
			gate_service(&r, in, &in->plan->services[i]);
	for (size_t i = 0; i < r.count; i++)
		r.refusals += !r.breaches[i].warns && !r.breaches[i].forced;
	*out = r;
}

void gate_release(struct gate_report *r)
{
	free(r->breaches);
	*r = (struct gate_report){};
}

/* ---- for people ------------------------------------------------------------------------------ */

static bool is_about(const struct gate_report *r, const char *service)
{
	for (size_t i = 0; i < r->count; i++)
		if (r->breaches[i].service[0] && !strcmp(r->breaches[i].service, service))
			return true;
	return false;
}

/* Lints of services that a gate stands against: one of them is likely to be the reason. */
static void lints_print(FILE *out, const struct gate_report *r, const struct lint_report *lints,
			const char *file)
{
	for (size_t i = 0; lints && i < lints->count; i++) {
		const struct lint_finding *f = &lints->findings[i];

		if (f->silence || lint_severity(f->lint) == LINT_ERROR || !is_about(r, f->service))
			continue;
		if (file && f->place.line)
			fprintf(out, "  %s:%u:%u: %s\n", file, f->place.line, f->place.column,
				f->text);
		else
			fprintf(out, "  %s\n", f->text);
	}
}

static void breach_print(FILE *out, const struct gate_breach *b, const char *file)
{
	static const char *const notes[] = { "", ", which only warns here", ", forced" };

	fputs("  ", out);
	if (file && b->place.line)
		fprintf(out, "%s:%u:%u: ", file, b->place.line, b->place.column);
	fprintf(out, "%s [%s%s]\n", b->text, gate_name(b->gate),
		notes[b->forced  ? 2
		      : b->warns ? 1
				 : 0]);
}

static void remedy_print(FILE *out, const struct gate_report *r)
{
	char names[GATE_SET_TEXT_MAX];
	unsigned int set = 0;

	for (size_t i = 0; i < r->count; i++)
		if (!r->breaches[i].warns && !r->breaches[i].forced)
			set |= 1u << r->breaches[i].gate;
	if (set)
		fprintf(out, "  to do it anyway: --force %s --reason \"...\"\n",
			gate_set_text(names, set));
}

char *gate_text(const struct gate_report *r, const struct lint_report *lints, const char *file)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	for (size_t i = 0; i < r->count; i++)
		breach_print(out, &r->breaches[i], file);
	lints_print(out, r, lints, file);
	remedy_print(out, r);
	if (!fclose(out))
		return text;
	free(text);
	return NULL;
}

json_t *gate_json(const struct gate_report *r)
{
	json_t *list = json_array();

	for (size_t i = 0; i < r->count; i++) {
		const struct gate_breach *b = &r->breaches[i];
		json_t *one =
			json_pack("{s:s, s:b, s:b, s:s*, s:s*, s:I, s:I, s:f, s:f, s:s}", "gate",
				  gate_name(b->gate), "warns", b->warns, "forced", b->forced,
				  "service", b->service[0] ? b->service : NULL, "backend",
				  b->backend[0] ? b->backend : NULL, "line",
				  (json_int_t)b->place.line, "column", (json_int_t)b->place.column,
				  "value", b->value, "limit", b->limit, "text", b->text);

		if (json_array_append_new(list, one))
			break;
	}
	return list;
}

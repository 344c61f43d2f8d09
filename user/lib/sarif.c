// SPDX-License-Identifier: GPL-2.0
#include "lib/sarif.h"

#include <stdio.h>
#include <string.h>

/* The rule of what parsing refuses: it has no name of its own. */
#define INVALID "invalid"

static const char *level(bool error)
{
	return error ? "error" : "warning";
}

/* A path as a relative URI (RFC 3986): what is not unreserved is escaped. */
static json_t *uri_json(const char *path)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
				    "-._~/";
	char text[3 * 512 + 1];
	size_t used = 0;

	for (; *path && used + 3 < sizeof(text); path++) {
		if (strchr(plain, *path))
			text[used++] = *path;
		else
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%%%02X",
						 (unsigned char)*path);
	}
	return json_stringn(text, used);
}

static json_t *location_json(const char *file, unsigned int line, unsigned int column)
{
	json_t *artifact = json_pack("{s:o}", "uri", uri_json(file));
	json_t *physical = json_pack("{s:o}", "artifactLocation", artifact);

	if (line && json_object_set_new(physical, "region",
					json_pack("{s:i, s:i}", "startLine", (int)line,
						  "startColumn", (int)column))) {
		json_decref(physical);
		return NULL;
	}
	return json_pack("[{s:o}]", "physicalLocation", physical);
}

static json_t *result_json(const char *rule, int index, bool error, const char *text,
			   json_t *location)
{
	return json_pack("{s:s, s:i, s:s, s:{s:s}, s:o}", "ruleId", rule, "ruleIndex", index,
			 "level", level(error), "message", "text", text, "locations", location);
}

static json_t *finding_json(const struct lint_finding *f, const char *file)
{
	json_t *result = result_json(lint_name(f->lint), (int)f->lint + 1,
				     lint_severity(f->lint) == LINT_ERROR, f->text,
				     location_json(file, f->place.line, f->place.column));

	if (f->silence && json_object_set_new(result, "suppressions",
					      json_pack("[{s:s, s:s}]", "kind", "inSource",
							"justification", f->silence->reason))) {
		json_decref(result);
		return NULL;
	}
	return result;
}

static json_t *results_json(const struct diag *d, const struct lint_report *lints, const char *file)
{
	json_t *results = json_array();
	int failed = 0;

	for (size_t i = 0; i < d->count; i++) {
		const struct diag_entry *e = &d->entries[i];

		failed |= json_array_append_new(
			results, result_json(INVALID, 0, e->severity == DIAG_ERROR, e->text,
					     location_json(file, e->line, e->column)));
	}
	for (size_t i = 0; lints && i < lints->count; i++)
		failed |= json_array_append_new(results, finding_json(&lints->findings[i], file));
	if (!failed)
		return results;
	json_decref(results);
	return NULL;
}

static json_t *rule_json(const char *name, bool error, const char *what, const char *remedy)
{
	return json_pack("{s:s, s:{s:s}, s:{s:s}, s:{s:s}}", "id", name, "shortDescription", "text",
			 what, "help", "text", remedy, "defaultConfiguration", "level",
			 level(error));
}

static json_t *rules_json(void)
{
	json_t *rules = json_array();
	int failed = json_array_append_new(rules, rule_json(INVALID, true,
							    "what cannot be a configuration",
							    "see evenkeel.yaml(5)"));

	for (enum lint i = 0; i < LINT_COUNT; i++)
		failed |= json_array_append_new(rules, rule_json(lint_name(i),
								 lint_severity(i) == LINT_ERROR,
								 lint_what(i), lint_remedy(i)));
	if (!failed)
		return rules;
	json_decref(rules);
	return NULL;
}

json_t *sarif_json(const struct diag *d, const struct lint_report *lints, const char *file,
		   const char *version)
{
	json_t *driver = json_pack("{s:s, s:s, s:o}", "name", "evenkeel", "version", version,
				   "rules", rules_json());

	return json_pack("{s:s, s:s, s:[{s:{s:o}, s:s, s:o}]}", "$schema",
			 "https://json.schemastore.org/sarif-2.1.0.json", "version", "2.1.0",
			 "runs", "tool", "driver", driver, "columnKind", "unicodeCodePoints",
			 "results", results_json(d, lints, file));
}

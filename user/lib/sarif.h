/* SPDX-License-Identifier: GPL-2.0 */
/* What check found, as SARIF 2.1.0, which code hosts show beside the lines of a change. Pure. */
#ifndef EVENKEEL_LIB_SARIF_H
#define EVENKEEL_LIB_SARIF_H

#include <jansson.h>

#include "lib/diag.h"
#include "lib/lint.h"

/* `lints` may be NULL: the file could not be read as a configuration. NULL when memory runs out. */
json_t *sarif_json(const struct diag *d, const struct lint_report *lints, const char *file,
		   const char *version);

#endif

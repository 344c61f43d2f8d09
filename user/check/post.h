/* SPDX-License-Identifier: GPL-2.0 */
/* Sends JSON to a web server: one attempt at a time, without blocking. */
#ifndef EVENKEEL_CHECK_POST_H
#define EVENKEEL_CHECK_POST_H

#include "check/check.h"

enum post_outcome {
	POST_TAKEN,
	POST_REFUSED, /* by the server, who would refuse it again */
	POST_FAILED,
};

/* Called once for each attempt. Must not free the post. */
typedef void (*post_done)(void *context, enum post_outcome outcome, const char *reason);

/* Why this is no URL to post to, completing "it "; NULL if it is one: http or https, with a host. */
const char *post_url_problem(const char *url);

/* `url` must outlive it. -ENOMEM, or 0. */
struct post;
int post_make(struct post **out, struct checks *c, const char *url, post_done done, void *context);
/* Begins an attempt; none may be under way. The result comes within `timeout_ms`, never before this
 * returns; the text must live until then. -ENOMEM, or 0. */
int post_begin(struct post *p, const char *text, uint32_t timeout_ms);
/* An attempt under way ends without a result. */
void post_free(struct post *p);

#endif

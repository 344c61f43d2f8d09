// SPDX-License-Identifier: GPL-2.0
#include "check/post.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check/transfer.h"
#include "lib/cleanup.h"

struct post {
	struct checks *checks;
	const char *url;
	post_done done;
	void *context;
	struct transfer *transfer; /* NULL: none is under way */
};

static void url_release(CURLU **url)
{
	curl_url_cleanup(*url);
}

const char *post_url_problem(const char *url)
{
	_cleanup_(url_release) CURLU *parts = curl_url();
	char *scheme = NULL;
	const char *why = NULL;

	if (!parts)
		return "cannot be looked at: out of memory";
	/* Whatever scheme: which ones are wanted is said below. */
	if (curl_url_set(parts, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME) ||
	    curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0))
		why = "is no URL, which begins with http:// or https:// and a host";
	else if (strcmp(scheme, "http") && strcmp(scheme, "https"))
		why = "must begin with http:// or https://";
	curl_free(scheme);
	return why;
}

int post_make(struct post **out, struct checks *c, const char *url, post_done done, void *context)
{
	struct post *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	*p = (struct post){ .checks = c, .url = url, .done = done, .context = context };
	*out = p;
	return 0;
}

static enum post_outcome outcome_of(long status)
{
	if (status >= 200 && status < 300)
		return POST_TAKEN;
	/* Asked to wait, or late: these are not about what was sent. */
	if (status == 408 || status == 425 || status == 429 || status >= 500)
		return POST_FAILED;
	return POST_REFUSED;
}

static void on_done(struct transfer *t, CURLcode code)
{
	struct post *p = t->context;
	char reason[CHECK_REASON_MAX] = "";
	enum post_outcome outcome = POST_FAILED;
	long status = 0;

	curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	if (code == CURLE_OK) {
		outcome = outcome_of(status);
		snprintf(reason, sizeof(reason), "it answered %ld", status);
	} else {
		snprintf(reason, sizeof(reason), "%.180s", transfer_said(t, code));
	}
	p->transfer = NULL;
	transfer_end(t);
	p->done(p->context, outcome, reason);
}

static bool set_options(struct transfer *t, const struct post *p, const char *text,
			uint32_t timeout_ms)
{
	t->headers = curl_slist_append(NULL, "Content-Type: application/json");
	return !t->headers || SET(t, CURLOPT_URL, p->url) || SET(t, CURLOPT_POST, 1L) ||
	       SET(t, CURLOPT_POSTFIELDS, text) ||
	       SET(t, CURLOPT_POSTFIELDSIZE, (long)strlen(text)) ||
	       SET(t, CURLOPT_HTTPHEADER, t->headers) ||
	       SET(t, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
}

int post_begin(struct post *p, const char *text, uint32_t timeout_ms)
{
	p->transfer = transfer_make(p->checks, on_done, p);
	if (p->transfer && !set_options(p->transfer, p, text, timeout_ms) &&
	    !transfer_begin(p->transfer))
		return 0;
	transfer_end(take_ptr(p->transfer));
	return -ENOMEM;
}

void post_free(struct post *p)
{
	if (!p)
		return;
	transfer_end(p->transfer);
	free(p);
}

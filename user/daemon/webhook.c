/* SPDX-License-Identifier: GPL-2.0 */
#include "daemon/webhook.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "check/post.h"
#include "daemon/health.h"
#include "daemon/log.h"
#include "lib/cleanup.h"

#define WAITING_MAX 256
#define ATTEMPT_MS 5000
/* Pauses of 1, 2, 4, ... s. */
#define PAUSE_MAX_S 32u
/* What is older is history: whoever comes to look has status. */
#define AGE_MAX_S 600u

struct message {
	char *text; /* owned */
	uint32_t told_s;
	TAILQ_ENTRY(message) neighbours;
};

struct webhook {
	struct daemon *daemon;
	const char *url;
	struct post *post;
	uv_timer_t retry;
	TAILQ_HEAD(, message) waiting; /* the first is being told */
	size_t count;
	uint64_t lost;
	bool busy;        /* an attempt is under way, or the pause behind one */
	uint32_t pause_s; /* the last; 0: all is well */
};

static void begin(struct webhook *w);
static void attempt(struct webhook *w);

static void message_free(struct message *m)
{
	free(m->text);
	free(m);
}

static void next(struct webhook *w)
{
	struct message *m = TAILQ_FIRST(&w->waiting);

	TAILQ_REMOVE(&w->waiting, m, neighbours);
	w->count--;
	message_free(m);
	w->busy = false;
	begin(w);
}

static void give_up(struct webhook *w, const char *reason)
{
	w->lost++;
	log_warning("alert: not told to %s: %s (%zu more wait)", w->url, reason, w->count - 1);
	next(w);
}

static void on_retry(uv_timer_t *timer)
{
	attempt(timer->data);
}

/* Said once, however long it lasts: giving up is said for each. */
static void try_again(struct webhook *w, const char *reason)
{
	if (!w->pause_s)
		log_warning("alert: %s does not take it: %s; it is asked again", w->url, reason);
	w->pause_s = w->pause_s ? 2 * w->pause_s : 1;
	if (w->pause_s > PAUSE_MAX_S)
		w->pause_s = PAUSE_MAX_S;
	uv_timer_start(&w->retry, on_retry, w->pause_s * 1000, 0);
}

static void on_posted(void *context, enum post_outcome outcome, const char *reason)
{
	struct webhook *w = context;
	bool old = clock_now_s() - TAILQ_FIRST(&w->waiting)->told_s > AGE_MAX_S;

	if (outcome == POST_TAKEN) {
		if (w->pause_s)
			log_notice("alert: %s takes them again", w->url);
		w->pause_s = 0;
		next(w);
	} else if (outcome == POST_REFUSED || old) {
		give_up(w, reason);
	} else {
		try_again(w, reason);
	}
}

static void attempt(struct webhook *w)
{
	if (post_begin(w->post, TAILQ_FIRST(&w->waiting)->text, ATTEMPT_MS))
		on_posted(w, POST_FAILED, "out of memory");
}

static void begin(struct webhook *w)
{
	int err = 0;

	if (w->busy || TAILQ_EMPTY(&w->waiting))
		return;
	if (!w->post)
		err = post_make(&w->post, health_checks(w->daemon), w->url, on_posted, w);
	w->busy = !err;
	if (err)
		log_warning("alert: out of memory for %s", w->url);
	else
		attempt(w);
}

int webhook_open(struct webhook **out, struct daemon *d, const char *url)
{
	const char *why = post_url_problem(url);
	struct webhook *w;

	if (why)
		return log_err(-EINVAL, "--alert-webhook %s: it %s", url, why);
	w = calloc(1, sizeof(*w));
	if (!w)
		return log_err(-ENOMEM, "out of memory");
	w->daemon = d;
	w->url = url;
	TAILQ_INIT(&w->waiting);
	uv_timer_init(&d->loop, &w->retry); /* it cannot fail */
	w->retry.data = w;
	*out = w;
	return 0;
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void webhook_close(struct webhook *w)
{
	struct message *m;

	if (!w)
		return;
	if (w->count)
		log_warning("alert: %zu were not told to %s", w->count, w->url);
	while ((m = TAILQ_FIRST(&w->waiting))) {
		TAILQ_REMOVE(&w->waiting, m, neighbours);
		message_free(m);
	}
	post_free(w->post);
	uv_close((uv_handle_t *)&w->retry, on_closed);
}

void webhook_tell(struct webhook *w, char *text)
{
	struct message *m = w->count < WAITING_MAX ? calloc(1, sizeof(*m)) : NULL;

	if (!m) {
		w->lost++;
		log_warning("alert: not told to %s: %zu wait for it", w->url, w->count);
		free(text);
		return;
	}
	m->text = text;
	m->told_s = clock_now_s();
	TAILQ_INSERT_TAIL(&w->waiting, m, neighbours);
	w->count++;
	begin(w);
}

uint64_t webhook_lost(const struct webhook *w)
{
	return w ? w->lost : 0;
}

/* SPDX-License-Identifier: GPL-2.0 */
/* Private to check/: one request by libcurl, without blocking. */
#ifndef EVENKEEL_CHECK_TRANSFER_H
#define EVENKEEL_CHECK_TRANSFER_H

#include <curl/curl.h>
#include <stddef.h>
#include <sys/queue.h>

#include "check/check.h"

/* A page that answers health has a line. Of a longer one the status is believed, not the end
 * awaited. */
#define TRANSFER_BODY_MAX (64u << 10)

struct http_pool;
struct transfer;
/* It is over; whoever has it calls transfer_end(), now or later. */
typedef void (*transfer_done)(struct transfer *t, CURLcode code);

/* An easy handle at work, or waiting for work: making one costs more than a check. */
struct transfer {
	struct http_pool *pool;
	transfer_done done;
	void *context;
	CURL *easy;
	struct curl_slist *headers, *connect_to; /* freed at its end */
	size_t body, kept;
	char answer[CHECK_ANSWER_MAX]; /* how it begins */
	char error[CURL_ERROR_SIZE];
	LIST_ENTRY(transfer) neighbours;
};

/* What all have in common is set; NULL when memory runs out. */
struct transfer *transfer_make(struct checks *c, transfer_done done, void *context);
int transfer_begin(struct transfer *t);
/* Ends it, whatever became of it; NULL is none. */
void transfer_end(struct transfer *t);
/* What is wrong, in words. */
const char *transfer_said(const struct transfer *t, CURLcode code);

/* Sets an option; true: it could not be set. */
#define SET(t, option, value) (curl_easy_setopt((t)->easy, option, value) != CURLE_OK)

#endif

// SPDX-License-Identifier: GPL-2.0
/* http, https: a GET is answered with an expected status. Literal addresses, so no resolver; each
 * check is a connection of its own: that one can be opened is part of the question. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "check/checker.h"
#include "check/transfer.h"
#include "lib/cleanup.h"

/* "10.0.1.1", "[fd00::1]": in a URL. */
static void literal(const struct checker *k, char *out, size_t size)
{
	char text[ADDR_TEXT_MAX];
	bool ipv4 = addr_is_ipv4(&k->target.addr);

	snprintf(out, size, ipv4 ? "%s" : "[%s]", addr_text(&k->target.addr, text));
}

/* The name in the URL, which is also the one in TLS: sni, else the host without a port, else the
 * address. Where it goes is said apart. */
static void url_host(const struct checker *k, char *out, size_t size)
{
	const struct config_check *c = k->config;
	const char *port = strrchr(c->host, ':');

	if (c->type == CHECK_HTTPS && c->sni[0])
		snprintf(out, size, "%s", c->sni);
	else if (c->host[0] && port && !strchr(port, ']'))
		snprintf(out, size, "%.*s", (int)(port - c->host), c->host);
	else if (c->host[0])
		snprintf(out, size, "%s", c->host);
	else
		literal(k, out, size);
}

static struct curl_slist *one_line(const char *format, ...) __attribute__((format(printf, 1, 2)));
static struct curl_slist *one_line(const char *format, ...)
{
	char line[2 * CHECK_TEXT_MAX];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	return curl_slist_append(NULL, line);
}

/* Where to, and in whose name. True: it could not be set. */
static bool set_target(struct transfer *t, const struct checker *k)
{
	char url[2 * CHECK_TEXT_MAX + 32], host[CHECK_TEXT_MAX + 1], address[ADDR_TEXT_MAX + 2];

	url_host(k, host, sizeof(host));
	literal(k, address, sizeof(address));
	snprintf(url, sizeof(url), "%s://%s:%u%s", config_check_name(k->config->type), host,
		 k->target.port, k->config->path);
	t->connect_to = one_line("::%s:%u", address, k->target.port);
	if (k->config->host[0])
		t->headers = one_line("Host: %s", k->config->host);
	return !t->connect_to || (k->config->host[0] && !t->headers) || SET(t, CURLOPT_URL, url) ||
	       SET(t, CURLOPT_CONNECT_TO, t->connect_to) || SET(t, CURLOPT_HTTPHEADER, t->headers);
}

static bool set_tls(struct transfer *t, const struct config_check *c)
{
	return SET(t, CURLOPT_SSL_VERIFYPEER, c->verify ? 1L : 0L) ||
	       SET(t, CURLOPT_SSL_VERIFYHOST, c->verify ? 2L : 0L) ||
	       SET(t, CURLOPT_SSL_SESSIONID_CACHE, 0L) ||
	       (c->ca[0] && (SET(t, CURLOPT_CAINFO, c->ca) || SET(t, CURLOPT_CAPATH, NULL)));
}

static bool set_options(struct transfer *t, struct checker *k)
{
	return SET(t, CURLOPT_PATH_AS_IS, 1L) || set_target(t, k) || set_tls(t, k->config);
}

/* ---- results --------------------------------------------------------------------------------- */

static bool is_expected(const struct config_check *c, long status)
{
	for (size_t i = 0; i < c->status_count; i++)
		if (status >= c->statuses[i].first && status <= c->statuses[i].last)
			return true;
	return false;
}

static void judge_status(struct checker *k, const struct transfer *t, long status)
{
	char to[ENDPOINT_TEXT_MAX];

	if (is_expected(k->config, status))
		checker_answered(k, t->answer);
	else
		checker_failed(k, "%s: answered %ld to %.100s", target_text(k, to), status,
			       k->config->path);
}

static void judge(struct transfer *t, CURLcode code)
{
	struct checker *k = t->context;
	const char *said = transfer_said(t, code);
	long status = 0, error = 0;
	char to[ENDPOINT_TEXT_MAX];

	curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(t->easy, CURLINFO_OS_ERRNO, &error);
	if (code == CURLE_OK)
		judge_status(k, t, status);
	else if (code == CURLE_OUT_OF_MEMORY || code == CURLE_SSL_CACERT_BADFILE)
		checker_missed(k, "%s: %.120s", target_text(k, to), said);
	else if (code == CURLE_COULDNT_CONNECT && error)
		checker_errno(k, (int)error);
	else
		checker_failed(k, "%s: %.120s", target_text(k, to), said);
}

/* ---- the type -------------------------------------------------------------------------------- */

static void http_begin(struct checker *k)
{
	struct transfer *t = transfer_make(k->checks, judge, k);

	k->transfer = t;
	if (!t)
		checker_missed(k, "out of memory");
	else if (set_options(t, k) || transfer_begin(t))
		checker_missed(k, "libcurl cannot be set up for it");
}

static void http_stop(struct checker *k)
{
	transfer_end(k->transfer);
	k->transfer = NULL;
}

const struct checker_type checker_http = { http_begin, http_stop, "no answer" };

/* SPDX-License-Identifier: GPL-2.0 */
/* Log lines to stderr, one each. Under systemd they carry the <level> prefix of sd-daemon(3). */
#ifndef EVENKEEL_DAEMON_LOG_H
#define EVENKEEL_DAEMON_LOG_H

#include <syslog.h>

/* Writes one line; newlines inside become spaces. */
void log_line(int level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_info(...) log_line(LOG_INFO, __VA_ARGS__)
#define log_notice(...) log_line(LOG_NOTICE, __VA_ARGS__)
#define log_warning(...) log_line(LOG_WARNING, __VA_ARGS__)

/* Logs an error and returns `err`: `return log_err(-ENOENT, "...")`. */
#define log_err(err, ...) (log_line(LOG_ERR, __VA_ARGS__), (err))

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/* Servers on loopback, each in a thread, that answer in ways worth checking. */
#ifndef EVENKEEL_TESTS_CHECK_SERVER_H
#define EVENKEEL_TESTS_CHECK_SERVER_H

#include <stdint.h>

/* A socket bound to 127.0.0.1 or ::1, a port of the kernel's choice in *port. */
int loopback_socket(int type, int ipv6, uint16_t *port);

/* HTTP: "/200" is answered with that status, "/hang" never, "/endless" without an end, "/name" with
 * 200 if the Host header is www.example.com. */
uint16_t http_server(int ipv6);

/* UDP: "ping" is answered with "pong", nothing else is. */
uint16_t udp_server(void);

#endif

// SPDX-License-Identifier: GPL-2.0
#include "server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int loopback_socket(int type, int ipv6, uint16_t *port)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	struct sockaddr *addr = ipv6 ? (struct sockaddr *)&v6 : (struct sockaddr *)&v4;
	socklen_t size = ipv6 ? sizeof(v6) : sizeof(v4);
	int fd = socket(addr->sa_family, type | SOCK_CLOEXEC, 0);

	v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || bind(fd, addr, size) || getsockname(fd, addr, &size))
		abort();
	*port = ntohs(ipv6 ? v6.sin6_port : v4.sin_port);
	return fd;
}

static void start(void *(*serve)(void *), int fd)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, serve, (void *)(intptr_t)fd))
		abort();
	pthread_detach(thread);
}

static void answer(int fd, const char *request)
{
	char text[128];
	int status = 0;

	sscanf(request, "GET /%d", &status);
	if (strncmp(request, "GET /name", 9) == 0)
		status = strstr(request, "\r\nHost: www.example.com\r\n") ? 200 : 400;
	if (strncmp(request, "GET /endless", 12) == 0)
		status = 200;
	if (!status)
		return; /* hang */
	snprintf(text, sizeof(text), "HTTP/1.1 %d Word\r\nConnection: close\r\n\r\n", status);
	send(fd, text, strlen(text), MSG_NOSIGNAL);
	while (strncmp(request, "GET /endless", 12) == 0 &&
	       send(fd, text, sizeof(text), MSG_NOSIGNAL) > 0)
		;
	shutdown(fd, SHUT_WR);
}

static void *converse(void *argument)
{
	int fd = (int)(intptr_t)argument;
	char request[1024] = "", rest[1024];
	size_t used = 0;
	ssize_t got;

	while (!strstr(request, "\r\n\r\n")) {
		got = recv(fd, request + used, sizeof(request) - 1 - used, 0);
		if (got <= 0)
			break;
		used += (size_t)got;
		request[used] = '\0';
	}
	if (strstr(request, "\r\n\r\n"))
		answer(fd, request);
	while (recv(fd, rest, sizeof(rest), 0) > 0)
		;
	close(fd);
	return NULL;
}

_Noreturn static void *serve_http(void *argument)
{
	int listener = (int)(intptr_t)argument;

	for (;;) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

		if (fd >= 0)
			start(converse, fd);
	}
}

uint16_t http_server(int ipv6)
{
	uint16_t port;
	int fd = loopback_socket(SOCK_STREAM, ipv6, &port);

	if (listen(fd, 512))
		abort();
	start(serve_http, fd);
	return port;
}

_Noreturn static void *serve_udp(void *argument)
{
	int fd = (int)(intptr_t)argument;

	for (;;) {
		struct sockaddr_in from;
		socklen_t size = sizeof(from);
		char data[64];
		ssize_t got = recvfrom(fd, data, sizeof(data), 0, (struct sockaddr *)&from, &size);

		if (got == 4 && memcmp(data, "ping", 4) == 0)
			sendto(fd, "pong", 4, 0, (struct sockaddr *)&from, size);
	}
}

uint16_t udp_server(void)
{
	uint16_t port;
	int fd = loopback_socket(SOCK_DGRAM, 0, &port);

	start(serve_udp, fd);
	return port;
}

// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "net/net.h"

/* Deeper than any tree of shells; a bound against a loop of reused process ids. */
#define ANCESTORS_MAX 64

/* The address in sshd's "client-address client-port server-address server-port", without the
 * zone of a link-local one. */
static char *client_address(const char *text)
{
	return strndup(text, strcspn(text, " %"));
}

static char *environ_session(int pid)
{
	static const char name[] = "SSH_CONNECTION=";
	_cleanup_(close_file) FILE *in = NULL;
	_cleanup_(free_ptr) char *entry = NULL;
	char path[64];
	size_t capacity = 0;

	snprintf(path, sizeof(path), "/proc/%d/environ", pid);
	in = fopen(path, "re");
	while (in && getdelim(&entry, &capacity, '\0', in) > 0)
		if (!strncmp(entry, name, sizeof(name) - 1) && entry[sizeof(name) - 1])
			return client_address(entry + sizeof(name) - 1);
	return NULL;
}

/* 0 if there is none, or it cannot be read. */
static int parent_of(int pid)
{
	_cleanup_(close_file) FILE *in = NULL;
	char path[64], line[1024];
	const char *end;
	int parent = 0;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	in = fopen(path, "re");
	if (!in || !fgets(line, sizeof(line), in))
		return 0;
	/* The process' name may contain anything, ")" too: the last one ends it. */
	end = strrchr(line, ')');
	return end && sscanf(end, ") %*c %d", &parent) == 1 ? parent : 0;
}

char *net_session(int pid)
{
	for (int i = 0; i < ANCESTORS_MAX && pid > 1; i++) {
		char *session = environ_session(pid);

		if (session)
			return session;
		pid = parent_of(pid);
	}
	return NULL;
}

/* The real uid; 0 if it cannot be read. */
static uint32_t uid_of(int pid)
{
	_cleanup_(close_file) FILE *in = NULL;
	char path[64], line[256];
	unsigned int uid = 0;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	in = fopen(path, "re");
	while (in && fgets(line, sizeof(line), in))
		if (sscanf(line, "Uid: %u", &uid) == 1)
			break;
	return uid;
}

size_t net_people(int pid, uint32_t *uids, size_t max)
{
	size_t count = 0;

	for (int i = 0; i < ANCESTORS_MAX && pid > 1 && count < max; i++, pid = parent_of(pid)) {
		uint32_t uid = uid_of(pid);
		bool known = !uid;

		for (size_t k = 0; k < count; k++)
			known |= uids[k] == uid;
		if (!known)
			uids[count++] = uid;
	}
	return count;
}

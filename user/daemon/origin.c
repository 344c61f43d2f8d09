/* SPDX-License-Identifier: GPL-2.0 */
#include "daemon/origin.h"

#include <pwd.h>
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "net/net.h"

/* What the kernel says if nobody logged in: a service, a container. */
#define LOGIN_UNSET UINT32_MAX

/* The user that logged in, whatever he has become since; audit(7)'s loginuid. */
static uint32_t login_of(int pid)
{
	_cleanup_(close_file) FILE *in = NULL;
	unsigned int uid = LOGIN_UNSET;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/loginuid", pid);
	in = fopen(path, "re");
	if (in && fscanf(in, "%u", &uid) != 1)
		uid = LOGIN_UNSET;
	return uid;
}

void origin_find(struct journal_actor *actor)
{
	_cleanup_(free_ptr) char *session = net_session(actor->pid);
	uint32_t login = login_of(actor->pid);
	struct passwd entry, *found = NULL;
	char names[4096];
	size_t used;

	snprintf(actor->origin, sizeof(actor->origin), "%.48s", session ? session : "this host");
	if (login == LOGIN_UNSET || login == actor->uid)
		return;
	used = strlen(actor->origin);
	if (getpwuid_r(login, &entry, names, sizeof(names), &found) == 0 && found)
		snprintf(actor->origin + used, sizeof(actor->origin) - used, ", login %.36s",
			 found->pw_name);
	else
		snprintf(actor->origin + used, sizeof(actor->origin) - used, ", login uid %u",
			 login);
}

static size_t add(uint32_t *uids, size_t count, size_t max, uint32_t uid)
{
	for (size_t i = 0; i < count; i++)
		if (uids[i] == uid)
			return count;
	if (count < max)
		uids[count++] = uid;
	return count;
}

size_t origin_people(const struct journal_actor *actor, uint32_t *uids, size_t max)
{
	uint32_t found[16];
	size_t found_count = net_people(actor->pid, found, sizeof(found) / sizeof(found[0]));
	size_t count = add(uids, 0, max, actor->uid);
	uint32_t login = login_of(actor->pid);

	if (login != LOGIN_UNSET)
		count = add(uids, count, max, login);
	for (size_t i = 0; i < found_count; i++)
		count = add(uids, count, max, found[i]);
	return count;
}

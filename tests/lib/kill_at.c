/* SPDX-License-Identifier: GPL-2.0 */
/* Preloaded into evenkeeld: kills it at a write of its journal. SQLite makes a transaction durable by
 * fdatasync() of the write-ahead log; the file KILL_AT_FILE says before or after which of those, counted
 * from the moment when it is there, the process is to get SIGKILL: "before 3", "after 3". */
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static unsigned int count;

static int is_log(int fd)
{
	char path[64], name[PATH_MAX] = "";

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return readlink(path, name, sizeof(name) - 1) > 4 &&
	       !strcmp(name + strlen(name) - 4, "-wal");
}

/* Nothing before the file is there. */
static int wanted(char when[static 8], unsigned int *at)
{
	const char *path = getenv("KILL_AT_FILE");
	FILE *in = path ? fopen(path, "re") : NULL;
	int read = in ? fscanf(in, "%7s %u", when, at) : 0;

	if (in)
		fclose(in);
	if (read != 2)
		count = 0;
	return read == 2;
}

static int sync_and_kill(int fd, const char *name)
{
	int (*next)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
	char when[8] = "";
	unsigned int at = 0;
	int is_next = is_log(fd) && wanted(when, &at) && ++count == at, result;

	if (is_next && !strcmp(when, "before"))
		kill(getpid(), SIGKILL);
	result = next(fd);
	if (is_next && !strcmp(when, "after"))
		kill(getpid(), SIGKILL);
	return result;
}

int fdatasync(int fd)
{
	return sync_and_kill(fd, "fdatasync");
}

int fsync(int fd)
{
	return sync_and_kill(fd, "fsync");
}

// SPDX-License-Identifier: GPL-2.0
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sandbox.h"

char sandbox_bpffs[] = "/tmp/ek-test-XXXXXX";

int sandbox_enter(void)
{
	if (unshare(CLONE_NEWNS | CLONE_NEWNET) ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return -1;
	return mkdtemp(sandbox_bpffs) ? mount("bpf", sandbox_bpffs, "bpf", 0, NULL) : -1;
}

int sandbox_leave(void **state)
{
	umount(sandbox_bpffs);
	return rmdir(sandbox_bpffs);
}

void shell(const char *command)
{
	if (system(command))
		fail_msg("%s failed", command);
}

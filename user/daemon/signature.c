// SPDX-License-Identifier: GPL-2.0
/* Signatures, by OpenSSH's own hand. What it reads and writes is in memory: a client sent it. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/approvers.h"
#include "lib/cleanup.h"

#define PROGRAM "ssh-keygen"
/* It takes 10 ms; on a machine that is out of breath the loop must not stand still for long. */
#define RUN_S 3
#define OUTPUT_MAX 4096
#define SIGNATURE_FD 3
#define SIGNATURE_PATH "/proc/self/fd/3"

static int memory_file(int *out, const char *text)
{
	_cleanup_(close_fd) int fd = memfd_create("evenkeel", MFD_CLOEXEC);
	size_t size = strlen(text);

	if (fd < 0 || pwrite(fd, text, size, 0) != (ssize_t)size)
		return -errno;
	*out = take_fd(&fd);
	return 0;
}

/* Its exit status; what does not end in time is ended. Signals wait: that of another child, a hook's, would
 * end the poll, and this one too early. */
static int end_of(pid_t pid)
{
	_cleanup_(close_fd) int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	const struct timespec limit = { .tv_sec = RUN_S };
	struct pollfd ended = { .fd = fd, .events = POLLIN };
	int status = 0;
	sigset_t all;

	sigfillset(&all);
	if (fd < 0 || ppoll(&ended, 1, &limit, &all) != 1)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -ETIME;
}

static int run(const char *const arguments[], int input, int signature, int output)
{
	static char locale[] = "LC_ALL=C";
	char *const environment[] = { locale, NULL };
	posix_spawn_file_actions_t files;
	pid_t pid;
	int err = posix_spawn_file_actions_init(&files);

	if (err)
		return -err;
	err = posix_spawn_file_actions_adddup2(&files, input, STDIN_FILENO)
		      ?: posix_spawn_file_actions_adddup2(&files, output, STDOUT_FILENO)
		      ?: posix_spawn_file_actions_adddup2(&files, output, STDERR_FILENO)
		      ?: posix_spawn_file_actions_adddup2(&files, signature, SIGNATURE_FD);
	err = err
		      ?: posix_spawnp(&pid, PROGRAM, &files, NULL, (char *const *)arguments,
				      environment);
	posix_spawn_file_actions_destroy(&files);
	return err ? -err : end_of(pid);
}

/* Runs it and takes what it says. 0 if it ends with 0. */
static int ask(const char *const arguments[], const char *content, const char *signature,
	       char said[static OUTPUT_MAX])
{
	_cleanup_(close_fd) int input = -1, file = -1, output = -1;
	char line[SHA256_TEXT_SIZE + 1];
	ssize_t size;
	int err;

	snprintf(line, sizeof(line), "%s\n", content);
	err = memory_file(&input, line) ?: memory_file(&file, signature) ?: memory_file(&output, "");
	err = err ?: run(arguments, input, file, output);
	size = output < 0 ? 0 : pread(output, said, OUTPUT_MAX - 1, 0);
	said[size > 0 ? size : 0] = '\0';
	if (err < 0)
		snprintf(said, OUTPUT_MAX, "%s cannot be run: %s", PROGRAM, strerror(-err));
	return err;
}

static int refuse(char *why, const char *what, const char *said)
{
	snprintf(why, APPROVERS_WHY_MAX, "%s: %.*s", what, (int)strcspn(said, "\r\n"), said);
	return -EACCES;
}

int signature_verify(struct signer *out, char why[static APPROVERS_WHY_MAX], const char *signers,
		     const char *content, const char *signature)
{
	const char *const find[] = { PROGRAM,        "-Y", "find-principals", "-s",
				     SIGNATURE_PATH, "-f", signers,           NULL };
	char said[OUTPUT_MAX];
	const char *at = said;
	struct signer s = {};
	const char *const verify[] = { PROGRAM, "-Y", "verify",   "-s", SIGNATURE_PATH, "-f",
				       signers, "-n", "evenkeel", "-I", s.names[0],     NULL };

	if (ask(find, content, signature, said))
		return refuse(why, "the signature is of nobody in the signers file", said);
	while (s.count < SIGNER_NAMES_MAX && approval_principal_next(&at, s.names[s.count]))
		s.count++;
	if (!s.count)
		return refuse(why, "the signers file has no name for the key", "");
	if (ask(verify, content, signature, said))
		return refuse(why, "the signature is not one of this change", said);
	if (!approval_fingerprint(said, s.key))
		return refuse(why, "the signature's key is not known", said);
	*out = s;
	return 0;
}

// SPDX-License-Identifier: GPL-2.0
#include "cli/client.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>

#include "lib/cleanup.h"

/* doctor probes backends one after another; all else takes milliseconds. */
#define ANSWER_TIMEOUT_S 60
/* Taking the balancer away must not hang with a daemon that hangs. */
#define DETACH_TIMEOUT_S 5
/* Of 1000 services of 100 backends the status is 78 MB, and the metrics are 62. */
#define ANSWER_MAX (256u << 20)

void answer_release(struct answer *a)
{
	json_decref(a->result);
	json_decref(a->messages);
	a->result = a->messages = NULL;
}

static int timeout_of(const struct cli *cli, struct timeval *out)
{
	uint32_t seconds;
	bool detach = cli->command->run == cmd_detach;

	if (cli_number(cli, OPTION_TIMEOUT, 1, 86400, detach ? DETACH_TIMEOUT_S : ANSWER_TIMEOUT_S,
		       &seconds))
		return -EINVAL;
	*out = (struct timeval){ .tv_sec = seconds };
	return 0;
}

/* Connects; -errno. */
static int connect_to(const char *path, const struct timeval *timeout, int *out)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	_cleanup_(close_fd) int fd = -1;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, timeout, sizeof(*timeout)) ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, timeout, sizeof(*timeout)))
		return -errno;
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)))
		return -errno;
	*out = take_fd(&fd);
	return 0;
}

static int send_all(int fd, const char *text, size_t length)
{
	while (length) {
		ssize_t sent = send(fd, text, length, MSG_NOSIGNAL);

		/* The daemon may refuse before it has read all: its answer says why. */
		if (sent < 0 && (errno == EPIPE || errno == ECONNRESET))
			return 0;
		if (sent < 0)
			return -errno;
		text += sent;
		length -= (size_t)sent;
	}
	return 0;
}

/* Reads up to the newline; -errno. *out is allocated. */
static int receive_line(int fd, char **out, size_t *length)
{
	_cleanup_(free_ptr) char *text = NULL;
	size_t used = 0, capacity = 0;

	for (;;) {
		ssize_t got;

		if (used == capacity) {
			char *larger;

			capacity = capacity ? 2 * capacity : 65536;
			larger = capacity > ANSWER_MAX ? NULL : realloc(text, capacity);
			if (!larger)
				return -ENOMEM;
			text = larger;
		}
		got = recv(fd, text + used, capacity - used, 0);
		if (got < 0)
			return -errno;
		if (!got)
			return -ECONNRESET;
		used += (size_t)got;
		if (text[used - 1] == '\n')
			break;
	}
	*length = used - 1;
	*out = take_ptr(text);
	return 0;
}

static int answer_parse(const char *text, size_t length, struct answer *out)
{
	_cleanup_(json_release) json_t *answer = json_loadb(text, length, 0, NULL);
	const json_t *status = json_object_get(answer, "exit");
	json_t *result = json_object_get(answer, "result");

	if (json_integer_value(json_object_get(answer, "version")) != EK_CTL_VERSION)
		return -EPROTO;
	if (!json_is_integer(status) || json_integer_value(status) < EK_EXIT_DONE ||
	    json_integer_value(status) > EK_EXIT_HELD)
		return -EPROTO;
	out->exit = (int)json_integer_value(status);
	out->result = json_is_object(result) ? json_incref(result) : json_object();
	out->messages = json_incref(json_object_get(answer, "messages"));
	return 0;
}

static char *request_text(const char *command, json_t *arguments)
{
	_cleanup_(json_release) json_t *request =
		json_pack("{s:i, s:s, s:o}", "version", EK_CTL_VERSION, "command", command,
			  "arguments", arguments);
	_cleanup_(free_ptr) char *text = request ? json_dumps(request, JSON_COMPACT) : NULL;
	char *line;

	return text && asprintf(&line, "%s\n", text) >= 0 ? line : NULL;
}

int client_call(const struct cli *cli, const char *command, json_t *arguments, struct answer *out)
{
	_cleanup_(free_ptr) char *request = request_text(command, arguments);
	_cleanup_(free_ptr) char *text = NULL;
	_cleanup_(close_fd) int fd = -1;
	struct timeval timeout;
	size_t length = 0;
	int err;

	if (!request)
		return -ENOMEM;
	err = timeout_of(cli, &timeout);
	if (!err)
		err = connect_to(cli_socket(cli), &timeout, &fd);
	if (!err)
		err = send_all(fd, request, strlen(request));
	if (!err)
		err = receive_line(fd, &text, &length);
	return err ? err : answer_parse(text, length, out);
}

bool client_absent(int error)
{
	return error == -ENOENT || error == -ECONNREFUSED || error == -ENOTDIR;
}

static void complain_permission(const char *path)
{
	struct stat st;
	const struct passwd *user;
	const struct group *group;

	if (stat(path, &st)) {
		cli_error("%s: permission denied: only root and the members of its group may "
			  "ask evenkeeld",
			  path);
		return;
	}
	user = getpwuid(st.st_uid);
	group = getgrgid(st.st_gid);
	if (group && st.st_mode & S_IWGRP)
		cli_error("%s: permission denied: root, %s and members of the group %s may ask "
			  "evenkeeld",
			  path, user ? user->pw_name : "its owner", group->gr_name);
	else
		cli_error("%s: permission denied: root and %s may ask evenkeeld", path,
			  user ? user->pw_name : "its owner");
}

int client_complain(const struct cli *cli, int error)
{
	const char *path = cli_socket(cli);

	if (client_absent(error))
		return cli_error("no evenkeeld answers on %s: systemctl start evenkeeld, or name "
				 "its socket with --socket PATH",
				 path);
	switch (error) {
	case -EINVAL: /* said already, with the option's name */
		return EK_EXIT_USAGE;
	case -EACCES:
	case -EPERM:
		complain_permission(path);
		return EK_EXIT_REFUSED;
	case -EAGAIN:
		return cli_error("evenkeeld on %s does not answer in time: see journalctl -u "
				 "evenkeeld; wait longer with --timeout SECONDS",
				 path);
	case -ECONNRESET:
		return cli_error("evenkeeld on %s closed the connection without an answer: see "
				 "journalctl -u evenkeeld",
				 path);
	case -EPROTO:
		return cli_error("what answers on %s does not speak version %d of the protocol: "
				 "install the same version of evenkeel and evenkeeld",
				 path, EK_CTL_VERSION);
	case -EINTR:
		return EK_EXIT_REFUSED;
	default:
		return cli_error("%s: %s", path, strerror(-error));
	}
}

void client_messages(const struct answer *answer)
{
	const json_t *message;
	size_t i;

	json_array_foreach(answer->messages, i, message)
		if (json_is_string(message))
			fprintf(stderr, "%s\n", json_string_value(message));
}

int client_run(const struct cli *cli, const char *command, json_t *arguments, json_t **result)
{
	_cleanup_(answer_release) struct answer answer = {};
	int err = client_call(cli, command, arguments, &answer);

	if (err)
		return client_complain(cli, err);
	client_messages(&answer);
	*result = json_incref(answer.result);
	return answer.exit;
}

int client_print(const struct cli *cli, const struct answer *answer, client_printer print)
{
	client_messages(answer);
	if (cli_json(cli))
		fact_print(answer->result, false);
	else if (json_object_size(answer->result))
		print(cli, answer->result);
	return answer->exit;
}

int client_show(const struct cli *cli, const char *command, json_t *arguments, client_printer print)
{
	_cleanup_(answer_release) struct answer answer = {};
	int err = client_call(cli, command, arguments, &answer);

	return err ? client_complain(cli, err) : client_print(cli, &answer, print);
}

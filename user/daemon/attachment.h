/* SPDX-License-Identifier: GPL-2.0 */
/* Which interfaces carry the program, and those that wait to be confirmed. */
#ifndef EVENKEEL_DAEMON_ATTACHMENT_H
#define EVENKEEL_DAEMON_ATTACHMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/daemon.h"

struct attachment {
	char name[64];
	unsigned int ifindex; /* 0: the interface is gone */
	uint32_t program_id;
	bool generic;
	bool confirmed;
	uint32_t left_s; /* to confirm within, if not confirmed */
};

int attachments_open(struct daemon *d);
void attachments_close(struct attachments *a);
/* At start: says what was found attached, and what has vanished. */
void attachments_adopt(struct daemon *d);
/* Each second: detaches what was not confirmed in time. */
void attachments_tick(struct daemon *d);

/* The names of those last detached so, with a space between, and when; "" if there are none, or
 * something was attached since. */
const char *attachments_undone(const struct daemon *d, int64_t *when);

/* Lists all; *out allocated. */
int attachments_list(const struct daemon *d, struct attachment **out, size_t *count);
/* Whether the interface is attached; NULL: whether any is. */
bool attachment_exists(const struct daemon *d, const char *name);

/* Lists them again, for the two below, which packets' ways are judged by, and sees to it that
 * answers of nat can leave by them; true if the list differs. */
bool attachments_refresh(struct daemon *d);
/* An interface other than that one that is attached in driver mode, or NULL. */
const struct attachment *attachment_driver_beside(const struct daemon *d, unsigned int ifindex);
bool attachment_known(const struct daemon *d, unsigned int ifindex);

/* Interfaces to attach together: all or none. */
struct attach_job {
	const char *name;
	unsigned int ifindex;
	bool hold; /* to be confirmed */
	int link_fd;
};
int attachments_add(struct daemon *d, struct attach_job *jobs, size_t count, bool generic,
		    char error[static DP_ERROR_MAX]);

/* Detaches one, held or pinned. -ENOENT: it is not attached. */
int attachment_remove(struct daemon *d, const char *name);

/* Pins what waits to be confirmed: `name`, or all if NULL. The names are appended to `done`
 * (at most `room`); *count says how many. */
int attachments_confirm(struct daemon *d, const char *name, char (*done)[64], size_t room,
			size_t *count);
size_t attachments_held(const struct daemon *d);

#endif

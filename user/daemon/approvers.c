// SPDX-License-Identifier: GPL-2.0
#include "daemon/approvers.h"

#include <errno.h>
#include <grp.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "daemon/log.h"
#include "lib/addr.h"

#define GROUPS_MAX 256

bool approvers_has(const char *group, uint32_t uid)
{
	gid_t groups[GROUPS_MAX];
	int count = GROUPS_MAX;
	const struct group *g = *group ? getgrnam(group) : NULL;
	gid_t wanted = g ? g->gr_gid : 0;
	const struct passwd *user = g ? getpwuid(uid) : NULL;

	if (!user || getgrouplist(user->pw_name, user->pw_gid, groups, &count) < 0)
		return false;
	for (int i = 0; i < count; i++)
		if (groups[i] == wanted)
			return true;
	return false;
}

void approvers_name(uint32_t uid, char out[static 64])
{
	const struct passwd *user = getpwuid(uid);

	if (user)
		snprintf(out, 64, "%s", user->pw_name);
	else
		snprintf(out, 64, "%u", uid);
}

int approvers_check(const struct config_policy *p, char why[static APPROVERS_WHY_MAX])
{
	struct stat st;

	if (!p->approvals)
		return 0;
	if (*p->group && !getgrnam(p->group)) {
		snprintf(why, APPROVERS_WHY_MAX, "policy: there is no group %s on this host",
			 p->group);
		return -ENOENT;
	}
	if (!*p->signers)
		return 0;
	if (stat(p->signers, &st) < 0 || !S_ISREG(st.st_mode)) {
		snprintf(why, APPROVERS_WHY_MAX, "policy: signers %s: %s", p->signers,
			 strerror(S_ISREG(st.st_mode) ? errno : ENOENT));
		return -ENOENT;
	}
	/* Who can write it can approve everything. */
	if ((st.st_uid && st.st_uid != geteuid()) || st.st_mode & (S_IWGRP | S_IWOTH)) {
		snprintf(why, APPROVERS_WHY_MAX,
			 "policy: signers %s can be written by others than root: chown root, chmod "
			 "go-w",
			 p->signers);
		return -EPERM;
	}
	return 0;
}

/* ---- the socket ------------------------------------------------------------------------------ */

#define ACL_NAME "system.posix_acl_access"
#define READ_WRITE (ACL_READ | ACL_WRITE)

struct acl {
	struct posix_acl_xattr_header header;
	struct posix_acl_xattr_entry entries[5];
};

static struct posix_acl_xattr_entry acl_entry(uint16_t tag, uint16_t perm, uint32_t id)
{
	return (struct posix_acl_xattr_entry){ htole16(tag), htole16(perm), htole32(id) };
}

void approvers_admit(const char *socket, const struct config_policy *p)
{
	const struct group *own = getgrnam("evenkeel");
	uint16_t own_perm = own ? READ_WRITE : 0;
	const struct group *g = p->approvals && *p->group ? getgrnam(p->group) : NULL;
	const struct acl acl = {
		.header.a_version = htole32(POSIX_ACL_XATTR_VERSION),
		.entries = {
			acl_entry(ACL_USER_OBJ, READ_WRITE, (uint32_t)ACL_UNDEFINED_ID),
			acl_entry(ACL_GROUP_OBJ, own_perm, (uint32_t)ACL_UNDEFINED_ID),
			acl_entry(ACL_GROUP, READ_WRITE, g ? g->gr_gid : 0),
			acl_entry(ACL_MASK, READ_WRITE, (uint32_t)ACL_UNDEFINED_ID),
			acl_entry(ACL_OTHER, 0, (uint32_t)ACL_UNDEFINED_ID),
		},
	};

	if (g && setxattr(socket, ACL_NAME, &acl, sizeof(acl), 0) == 0)
		return;
	if (g)
		log_warning("--socket %s: group %s cannot be let in (%s): its members must be in "
			    "group evenkeel, too",
			    socket, p->group, strerror(errno));
	else if (removexattr(socket, ACL_NAME) == 0 && chmod(socket, own ? 0660 : 0600) < 0)
		log_warning("--socket %s: %s", socket, strerror(errno));
}

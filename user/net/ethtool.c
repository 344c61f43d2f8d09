// SPDX-License-Identifier: GPL-2.0
/* Driver, offloads and queues, by ethtool's ioctl. */
#include "net/ethtool.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "lib/cleanup.h"

/* `command` begins with the ETHTOOL_* number. A driver that has no such thing is not a failure:
 * returns 1 if it answered, 0 if it cannot, -errno. */
static int ask(int fd, const char *name, void *command)
{
	struct ifreq request = {};

	memcpy(request.ifr_name, name, strnlen(name, sizeof(request.ifr_name) - 1));
	request.ifr_data = command;
	if (!ioctl(fd, SIOCETHTOOL, &request))
		return 1;
	return errno == EOPNOTSUPP || errno == EINVAL ? 0 : -errno;
}

static int read_driver(int fd, struct link_facts *out)
{
	struct ethtool_drvinfo info = { .cmd = ETHTOOL_GDRVINFO };
	int err = ask(fd, out->name, &info);

	if (err <= 0)
		return err;
	memcpy(out->driver, info.driver, sizeof(out->driver) - 1);
	return 0;
}

static int read_queues(int fd, struct link_facts *out)
{
	struct ethtool_channels channels = { .cmd = ETHTOOL_GCHANNELS };
	int err = ask(fd, out->name, &channels);

	if (err <= 0)
		return err;
	out->rx_queues = channels.rx_count + channels.combined_count;
	out->max_queues = channels.max_rx + channels.max_combined;
	return 0;
}

/* Names of the features, in the order of their bits. *out is NULL if there are none. */
static int read_names(int fd, const char *name, struct ethtool_gstrings **out)
{
	_cleanup_(free_ptr) struct ethtool_sset_info *size = NULL;
	_cleanup_(free_ptr) struct ethtool_gstrings *names = NULL;
	int err;

	size = calloc(1, sizeof(*size) + sizeof(size->data[0]));
	if (!size)
		return -ENOMEM;
	size->cmd = ETHTOOL_GSSET_INFO;
	size->sset_mask = 1ull << ETH_SS_FEATURES;
	err = ask(fd, name, size);
	if (err <= 0 || !size->sset_mask)
		return err < 0 ? err : 0;
	names = calloc(1, sizeof(*names) + (size_t)size->data[0] * ETH_GSTRING_LEN);
	if (!names)
		return -ENOMEM;
	names->cmd = ETHTOOL_GSTRINGS;
	names->string_set = ETH_SS_FEATURES;
	names->len = size->data[0];
	err = ask(fd, name, names);
	if (err > 0)
		*out = take_ptr(names);
	return err < 0 ? err : 0;
}

static bool is_active(const struct ethtool_gstrings *names,
		      const struct ethtool_gfeatures *features, const char *feature)
{
	for (__u32 i = 0; i < names->len && i / 32 < features->size; i++) {
		const char *name = (const char *)names->data + (size_t)i * ETH_GSTRING_LEN;

		if (!strncmp(name, feature, ETH_GSTRING_LEN))
			return features->features[i / 32].active >> i % 32 & 1;
	}
	return false;
}

static int read_features(int fd, struct link_facts *out)
{
	_cleanup_(free_ptr) struct ethtool_gstrings *names = NULL;
	_cleanup_(free_ptr) struct ethtool_gfeatures *features = NULL;
	__u32 blocks;
	int err = read_names(fd, out->name, &names);

	if (err || !names)
		return err;
	blocks = (names->len + 31) / 32;
	features = calloc(1, sizeof(*features) + blocks * sizeof(features->features[0]));
	if (!features)
		return -ENOMEM;
	features->cmd = ETHTOOL_GFEATURES;
	features->size = blocks;
	err = ask(fd, out->name, features);
	if (err <= 0)
		return err;
	out->lro = is_active(names, features, "rx-lro");
	out->hw_gro = is_active(names, features, "rx-gro-hw");
	out->rx_vlan_offload = is_active(names, features, "rx-vlan-hw-parse");
	return 0;
}

int ethtool_facts(struct link_facts *out)
{
	_cleanup_(close_fd) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int err;

	if (fd < 0)
		return -errno;
	err = read_driver(fd, out);
	if (!err)
		err = read_queues(fd, out);
	if (!err)
		err = read_features(fd, out);
	return err;
}

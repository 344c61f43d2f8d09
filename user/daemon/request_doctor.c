/* SPDX-License-Identifier: GPL-2.0 */
/* doctor: everything that can be looked at from here, as findings. Runs in a child process, for
 * its probes wait for answers; reads, and changes nothing. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "daemon/attachment.h"
#include "daemon/doctor.h"
#include "daemon/facts.h"
#include "daemon/nexthop.h"
#include "daemon/request.h"
#include "dp/lost.h"
#include "lib/addr.h"
#include "lib/cleanup.h"

/* Strict reverse path filtering (1) judges what XDP passes to the host, not what it forwards. */
static void check_rp_filter(struct findings *f, const char *interface)
{
	const char *const names[] = { "all", interface };
	char remedy[128];
	int value, most = 0;

	for (size_t i = 0; i < 2; i++) {
		_cleanup_(close_file) FILE *file = NULL;
		char path[128];

		snprintf(path, sizeof(path), "/proc/sys/net/ipv4/conf/%s/rp_filter", names[i]);
		file = fopen(path, "re");
		/* The kernel takes the larger of the two (ip-sysctl.rst). */
		if (file && fscanf(file, "%d", &value) == 1 && value > most)
			most = value;
	}
	snprintf(remedy, sizeof(remedy), "sysctl -w net.ipv4.conf.all.rp_filter=2");
	if (most == 1)
		finding_add(
			f, FINDING_WARNING, "rp_filter", interface, remedy,
			"reverse path filtering is strict: what the host itself gets by another "
			"way than it answers is lost, probes for instance");
	else
		finding_add(f, FINDING_OK, "rp_filter", interface, "",
			    "reverse path filtering is not strict");
}

static void check_attachment(struct findings *f, const struct attachment *a, bool jumbo)
{
	struct link_facts facts;
	char remedy[128];

	snprintf(remedy, sizeof(remedy), "evenkeel attach %s", a->name);
	if (!a->ifindex || net_link_facts(&facts, a->name, NULL)) {
		finding_add(f, FINDING_ERROR, "attached", a->name, remedy,
			    "was attached, and the interface is gone");
		return;
	}
	if (a->confirmed)
		finding_add(f, FINDING_OK, "attached", a->name, "", "attached in %s mode",
			    a->generic ? "generic" : "driver");
	else
		finding_add(f, FINDING_WARNING, "attached", a->name, "evenkeel confirm",
			    "detaches in %u s unless it is confirmed", a->left_s);
	facts.xdp_is_ours = true;
	facts.jumbo = jumbo;
	preflight_link(f, &facts, a->generic);
	check_rp_filter(f, a->name);
}

static void check_interfaces(struct findings *f, const struct daemon *d)
{
	_cleanup_(free_ptr) struct attachment *list = NULL;
	size_t count = 0;

	if (attachments_list(d, &list, &count))
		finding_add(f, FINDING_ERROR, "attached", "pins", "",
			    "attached interfaces cannot be listed below %s", d->options.pins);
	for (size_t i = 0; i < count; i++)
		check_attachment(f, &list[i], d->dp->sizes.jumbo);
	if (!count)
		finding_add(f, FINDING_WARNING, "attached", "interfaces", "evenkeel attach IF",
			    "no interface is attached: no traffic reaches a service");
	for (size_t i = 0; d->config && i < d->config->interface_count; i++) {
		const char *name = d->config->interfaces[i];
		char remedy[128];

		snprintf(remedy, sizeof(remedy), "evenkeel attach %s", name);
		if (!attachment_exists(d, name))
			finding_add(f, FINDING_ERROR, "attached", name, remedy,
				    "named in the configuration, but not attached");
	}
}

static void check_lost(struct findings *f, const struct daemon *d)
{
	const struct dp_lost_egress *list;
	size_t count = 0;

	if (!d->lost) {
		finding_add(f, FINDING_WARNING, "lost", "evenkeeld", "",
			    "frames lost after the verdict are not counted: %.160s",
			    d->lost_trouble);
		return;
	}
	list = dp_lost_list(d->lost, &count);
	for (size_t i = 0; i < count; i++) {
		char name[IF_NAMESIZE], remedy[256];

		if (!if_indextoname(list[i].ifindex, name))
			continue; /* status still counts them */
		snprintf(remedy, sizeof(remedy),
			 "if they grow: ethtool -S %s; many drivers send redirected frames only "
			 "with a program of their own: evenkeel attach %s",
			 name, name);
		finding_add(f, FINDING_WARNING, "lost", name, remedy,
			    "lost after the verdict: %llu frames that the kernel refuses to send "
			    "there, %llu that the driver did not take",
			    (unsigned long long)list[i].refused,
			    (unsigned long long)list[i].unsent);
	}
	if (!count)
		finding_add(f, FINDING_OK, "lost", "evenkeeld", "",
			    "nothing was lost after the verdict");
}

void request_doctor(struct request *r, struct reply *reply)
{
	__attribute__((cleanup(findings_release))) struct findings f = {};
	const struct daemon *d = r->daemon;

	if (!request_arguments(r, reply, "{}"))
		return;
	if (d->trouble[0])
		finding_add(&f, FINDING_ERROR, "revision", "evenkeeld", "", "%s", d->trouble);
	else if (d->revision.number)
		finding_add(&f, FINDING_OK, "revision", "evenkeeld", "",
			    "revision %lld is in force", (long long)d->revision.number);
	else
		finding_add(&f, FINDING_WARNING, "revision", "evenkeeld", "evenkeel apply FILE",
			    "there is no configuration yet");
	check_interfaces(&f, d);
	check_lost(&f, d);
	doctor_services(&f, d);
	if (f.out_of_memory)
		reply_message(reply, "out of memory: not every finding is shown");
	if (findings_failed(&f))
		reply->exit = 1;
	reply->result = json_pack("{s:o}", "findings", findings_json(&f));
}

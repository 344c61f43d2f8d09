// SPDX-License-Identifier: GPL-2.0
/* Sends frames into one end of a veth pair and says what each cost, in nanoseconds of this
 * machine's clock: in the machine of scripts/bench-kernels.sh these are instructions.
 *
 *   frames OBJECT NAME ADDRESS [--peer PROGRAM] [--grown BYTES] [--out INTERFACE]
 *
 * `gen` is our end, `lb` the other. PROGRAM of the object is attached to `lb` meanwhile; without
 * one, what is there stays. Every frame must come out, BYTES longer: back at `gen`, or counted as
 * sent by INTERFACE; if one does not, there is no figure. */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/tcp.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "frames.h"

#define OUR_END "gen"
#define OTHER_END "lb"
#define FLOWS 1024u
#define ROUNDS 5

struct options {
	const char *object, *name, *address, *peer, *out;
	unsigned int grown;
};

struct bench {
	const struct options *options;
	struct bpf_object *object;
	struct frames_job *job;
	int generate;
	unsigned int our_end, other_end;
};

static int fail(const char *what, int err)
{
	fprintf(stderr, "frames: %s: %s\n", what, strerror(-err));
	return err;
}

/* ---- the frame ------------------------------------------------------------------------------- */

static uint16_t ip_checksum(const void *header)
{
	const uint16_t *words = header;
	uint32_t sum = 0;

	for (size_t i = 0; i < sizeof(struct iphdr) / 2; i++)
		sum += words[i];
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t) ~(sum + (sum >> 16));
}

/* A SYN or an ACK from 198.51.100.7. Whatever the destination's MAC address is, veth delivers;
 * the kernel looks at it and takes only what is its own. */
static int write_frame(struct bench *b, bool syn)
{
	struct {
		struct ethhdr eth;
		struct iphdr ip;
		struct tcphdr tcp;
	} __attribute__((packed)) headers = {
		.eth = { .h_dest = { 2, 0, 0, 0, 0, 2 },
			 .h_source = { 2, 0, 0, 0, 0, 1 },
			 .h_proto = htons(ETH_P_IP) },
		.ip = { .version = 4,
			.ihl = 5,
			.ttl = 64,
			.protocol = IPPROTO_TCP,
			.tot_len = htons(FRAMES_LENGTH - ETH_HLEN),
			.saddr = inet_addr("198.51.100.7") },
		.tcp = { .dest = htons(80), .doff = 5, .syn = syn, .ack = !syn },
	};

	if (inet_pton(AF_INET, b->options->address, &headers.ip.daddr) != 1)
		return fail(b->options->address, -EINVAL);
	headers.ip.check = ip_checksum(&headers.ip);
	memset(b->job->frame, 0, FRAMES_LENGTH);
	memcpy(b->job->frame, &headers, sizeof(headers));
	b->job->flow_mask = FLOWS - 1;
	return 0;
}

/* ---- what came out --------------------------------------------------------------------------- */

struct count {
	unsigned long long frames, bytes;
};

static unsigned long long interface_counter(const char *interface, const char *name)
{
	char path[128], text[32] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/sys/class/net/%s/statistics/%s", interface, name);
	file = fopen(path, "r");
	if (file) {
		if (!fgets(text, sizeof(text), file))
			text[0] = '\0';
		fclose(file);
	}
	return strtoull(text, NULL, 10);
}

static struct count count_now(const struct bench *b)
{
	const char *out = b->options->out;

	if (!out)
		return (struct count){ b->job->seen, b->job->bytes };
	return (struct count){ interface_counter(out, "tx_packets"),
			       interface_counter(out, "tx_bytes") };
}

/* ---- runs ------------------------------------------------------------------------------------ */

static int run(struct bench *b)
{
	uint8_t data[FRAMES_LENGTH] = {};
	struct xdp_md context = { .data_end = sizeof(data), .ingress_ifindex = b->our_end };
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = data, .data_size_in = sizeof(data),
		    .ctx_in = &context, .ctx_size_in = sizeof(context), .repeat = FRAMES_RUN,
		    .flags = BPF_F_TEST_XDP_LIVE_FRAMES);
	struct count before = count_now(b), after;
	unsigned long long bytes = (FRAMES_LENGTH + b->options->grown) * (__u64)FRAMES_RUN;

	b->job->made = 0;
	if (bpf_prog_test_run_opts(b->generate, &options))
		return fail("sending", -errno);
	after = count_now(b);
	if (after.frames - before.frames == FRAMES_RUN && after.bytes - before.bytes == bytes)
		return 0;
	fprintf(stderr, "frames: %s: of %u frames %llu came out, %llu bytes of %llu\n",
		b->options->name, FRAMES_RUN, after.frames - before.frames,
		after.bytes - before.bytes, bytes);
	return -EPROTO;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Every flow is opened before it is measured in its middle. */
static int measure(struct bench *b)
{
	double each[ROUNDS];
	int err = write_frame(b, true);

	err = err ?: run(b);
	err = err ?: write_frame(b, false);
	err = err ?: run(b);
	for (size_t i = 0; !err && i < ROUNDS; i++) {
		err = run(b);
		each[i] = (double)(b->job->end_ns - b->job->start_ns) / FRAMES_TIMED;
	}
	if (err)
		return err;
	qsort(each, ROUNDS, sizeof(*each), by_value);
	printf("%s\t%.1f\t%.1f\t%.1f\n", b->options->name, each[ROUNDS / 2], each[0],
	       each[ROUNDS - 1]);
	return 0;
}

/* ---- setting up ------------------------------------------------------------------------------ */

static int program(const struct bench *b, const char *name)
{
	const struct bpf_program *p = bpf_object__find_program_by_name(b->object, name);

	return p ? bpf_program__fd(p) : fail(name, -ENOENT);
}

static int put(const struct bench *b, unsigned int interface, const char *name)
{
	int fd = program(b, name);
	int err = fd < 0 ? fd : bpf_xdp_attach((int)interface, fd, XDP_FLAGS_DRV_MODE, NULL);

	return err ? fail(name, err) : 0;
}

static int load(struct bench *b)
{
	void *at;
	int err;

	b->object = bpf_object__open_file(b->options->object, NULL);
	if (!b->object)
		return fail(b->options->object, -errno);
	err = bpf_object__load(b->object);
	if (err)
		return fail(b->options->object, err);
	at = mmap(NULL, sizeof(*b->job), PROT_READ | PROT_WRITE, MAP_SHARED,
		  bpf_object__find_map_fd_by_name(b->object, "jobs"), 0);
	if (at == MAP_FAILED)
		return fail("jobs", -errno);
	b->job = at;
	b->generate = program(b, "generate");
	b->our_end = if_nametoindex(OUR_END);
	b->other_end = if_nametoindex(OTHER_END);
	return b->our_end && b->other_end ? 0 : fail(OUR_END " and " OTHER_END, -ENODEV);
}

static int parse(struct options *o, int argc, char **argv)
{
	static const struct option known[] = { { "peer", required_argument, NULL, 'p' },
					       { "grown", required_argument, NULL, 'g' },
					       { "out", required_argument, NULL, 'o' },
					       {} };
	int c;

	while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (c == 'p')
			o->peer = optarg;
		else if (c == 'g')
			o->grown = (unsigned int)strtoul(optarg, NULL, 10);
		else if (c == 'o')
			o->out = optarg;
		else
			return -EINVAL;
	}
	if (argc != optind + 3)
		return -EINVAL;
	o->object = argv[optind];
	o->name = argv[optind + 1];
	o->address = argv[optind + 2];
	return 0;
}

int main(int argc, char **argv)
{
	struct options options = {};
	struct bench b = { .options = &options };
	int err;

	if (parse(&options, argc, argv)) {
		fprintf(stderr, "usage: frames OBJECT NAME ADDRESS [--peer PROGRAM] "
				"[--grown BYTES] [--out INTERFACE]\n");
		return 2;
	}
	err = load(&b);
	err = err ?: put(&b, b.our_end, "drop");
	if (!err && options.peer)
		err = put(&b, b.other_end, options.peer);
	err = err ?: measure(&b);
	bpf_xdp_detach((int)b.our_end, XDP_FLAGS_DRV_MODE, NULL);
	if (options.peer)
		bpf_xdp_detach((int)b.other_end, XDP_FLAGS_DRV_MODE, NULL);
	bpf_object__close(b.object);
	return err ? 1 : 0;
}

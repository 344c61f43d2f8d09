// SPDX-License-Identifier: GPL-2.0
/* What this kernel's verifier says of the programs: its figures if it takes them, its last words
 * if not. A report for people; that programs must load is what the packet tests claim. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decap.skel.h"
#include "dp/object.h"
#include "evenkeel.skel.h"

/* Every step (1), because it explains a refusal, and figures (4). */
#define LOG_LEVEL 5
/* The verifier gives up at a million steps, and few take a line this long. Memory is taken only
 * for what is written. */
#define LOG_BYTES (1000000 * 128)
#define LAST_WORDS 30

static int is_figure(const char *line)
{
	return !strncmp(line, "stack depth ", 12) || !strncmp(line, "processed ", 10);
}

static void print_figures(const char *program, char *log)
{
	char *rest = NULL;

	for (char *line = strtok_r(log, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		if (is_figure(line))
			printf("    %s: %s\n", program, line);
}

static void print_last_words(const char *program, const char *log)
{
	const char *at = log + strlen(log);

	for (int lines = 0; at > log; at--)
		if (at[-1] == '\n' && ++lines > LAST_WORDS)
			break;
	if (*at)
		printf("    %s: the verifier's last words:\n%s\n", program, at);
}

static int give_logs(struct bpf_object *object)
{
	struct bpf_program *program;

	bpf_object__for_each_program(program, object) {
		char *log = calloc(1, LOG_BYTES);
		int err = log ? bpf_program__set_log_buf(program, log, LOG_BYTES) : -ENOMEM;

		err = err ?: bpf_program__set_log_level(program, LOG_LEVEL);
		if (err)
			return err;
	}
	return 0;
}

/* Loads all programs of the object. 0 or -errno. */
static int load(const char *name, struct bpf_object *object)
{
	struct bpf_program *program;
	int err = give_logs(object);

	err = err ?: bpf_object__load(object);
	printf("%s: %s\n", name, err ? strerror(-err) : "loads");
	bpf_object__for_each_program(program, object) {
		size_t size;
		char *log = (char *)bpf_program__log_buf(program, &size);

		if (err && log)
			print_last_words(bpf_program__name(program), log);
		else if (log)
			print_figures(bpf_program__name(program), log);
		free(log);
	}
	return err;
}

/* Of a common size: the options are constants to the verifier. */
static int prepare(struct bpf_object *object)
{
	static const struct dp_sizes sizes = {
		.slots = 1u << 20,
		.backends = 4096,
		.flow_buckets = 1u << 16,
	};
	char error[DP_ERROR_MAX] = "";
	int err = dp_object_prepare(object, &sizes, error);

	if (err)
		printf("%s\n", error);
	return err;
}

static int examine_balancer(void)
{
	size_t size;
	const void *elf = evenkeel_bpf__elf_bytes(&size);
	struct bpf_object *object = bpf_object__open_mem(elf, size, NULL);
	int err = object ? prepare(object) : -errno;

	err = err ?: load("evenkeel.bpf.o", object);
	bpf_object__close(object);
	return err;
}

static int examine_decap(void)
{
	size_t size;
	const void *elf = decap_bpf__elf_bytes(&size);
	struct bpf_object *object = bpf_object__open_mem(elf, size, NULL);
	int err = object ? load("decap.bpf.o", object) : -errno;

	bpf_object__close(object);
	return err;
}

int main(void)
{
	int balancer = examine_balancer();
	int decap = examine_decap();

	return balancer || decap ? EXIT_FAILURE : EXIT_SUCCESS;
}

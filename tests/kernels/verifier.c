// SPDX-License-Identifier: GPL-2.0
/* What this kernel's verifier says of the programs: its figures if it takes them, its last words
 * if not. Where the limits were measured they are held; elsewhere loading is enough. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "decap.skel.h"
#include "dp/object.h"
#include "evenkeel.skel.h"
#include "limits.h"
#include "lost.skel.h"

/* Every step (1), because it explains a refusal, and figures (4). */
#define LOG_LEVEL 5
/* The verifier gives up at a million steps, and few take a line this long. Memory is taken only
 * for what is written. */
#define LOG_BYTES (1000000 * 128)
#define LAST_WORDS 30

static unsigned int passed, failed;

static void claim(bool holds, const char *what, const char *whose)
{
	if (holds) {
		passed++;
		return;
	}
	failed++;
	printf("FAIL %s: %s\n", whose, what);
}

/* ---- figures ------------------------------------------------------------------------------- */

struct figures {
	unsigned int instructions;
	unsigned int stack;
	const char *stacks; /* as the kernel writes it: a number per function */
};

/* The program's own stack, which comes first, and its largest function's, rounded up as the kernel
 * does: which function calls which the log does not say, but the large ones are called directly. */
static unsigned int deepest(const char *stacks)
{
	unsigned int own = 0, largest = 0;
	bool is_own = true;

	for (char *end; *stacks; stacks = *end == '+' ? end + 1 : end) {
		unsigned int depth = ((unsigned int)strtoul(stacks, &end, 10) + 31) / 32 * 32;

		if (end == stacks)
			break;
		if (is_own)
			own = depth;
		else if (depth > largest)
			largest = depth;
		is_own = false;
	}
	return own + largest;
}

/* The log's last lines are "stack depth 200+8" and "processed 41063 insns (limit 1000000) ...". */
static bool find_figures(char *log, struct figures *out)
{
	static const char stack[] = "stack depth ", processed[] = "processed ";
	bool found_stack = false, found_processed = false;
	char *rest = NULL;

	for (char *line = strtok_r(log, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		if (!strncmp(line, stack, strlen(stack))) {
			out->stacks = line + strlen(stack);
			out->stack = deepest(out->stacks);
			found_stack = true;
		} else if (!strncmp(line, processed, strlen(processed))) {
			out->instructions =
				(unsigned int)strtoul(line + strlen(processed), NULL, 10);
			found_processed = true;
		}
	}
	return found_stack && found_processed;
}

static const struct limit *limit_of(const char *program)
{
	const struct limit *l = limits;

	while (l->program && strcmp(l->program, program))
		l++;
	return l;
}

static bool limits_apply(void)
{
	struct utsname host;

	return !uname(&host) && !strncmp(host.release, LIMITS_KERNEL, strlen(LIMITS_KERNEL)) &&
	       !strcmp(EK_CLANG, LIMITS_COMPILER);
}

static void judge(const char *program, char *log)
{
	const struct limit *l = limit_of(program);
	struct figures f = {};

	if (!find_figures(log, &f)) {
		claim(false, "the verifier's log has no figures that we know how to read", program);
		return;
	}
	printf("    %s: %u instructions, stack %s (%u)", program, f.instructions, f.stacks,
	       f.stack);
	if (limits_apply()) {
		printf("; at most %u and %u\n", l->instructions, l->stack);
		claim(f.instructions <= l->instructions,
		      "too many instructions for tests/kernels/limits.h", program);
		claim(f.stack <= l->stack, "too much stack for tests/kernels/limits.h", program);
	} else {
		printf("\n");
	}
}

/* ---- loading ------------------------------------------------------------------------------- */

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

static void load(const char *name, struct bpf_object *object)
{
	struct bpf_program *program;
	int err = give_logs(object);

	err = err ?: bpf_object__load(object);
	printf("%s by %s: %s\n", name, EK_CLANG, err ? strerror(-err) : "loads");
	claim(!err, "does not load", name);
	bpf_object__for_each_program(program, object) {
		size_t size;
		char *log = (char *)bpf_program__log_buf(program, &size);

		if (err && log)
			print_last_words(bpf_program__name(program), log);
		else if (log)
			judge(bpf_program__name(program), log);
		free(log);
	}
}

/* Of a common size: the options are constants to the verifier. */
static int prepare(struct bpf_object *object, char error[static DP_ERROR_MAX])
{
	static const struct dp_sizes sizes = {
		.slots = 1u << 20,
		.backends = 4096,
		.flow_buckets = 1u << 16,
	};

	return dp_object_prepare(object, &sizes, error);
}

static void examine(const char *name, const void *elf, size_t size, bool prepared)
{
	struct bpf_object *object = bpf_object__open_mem(elf, size, NULL);
	char error[DP_ERROR_MAX] = "is no BPF object";

	if (!object || (prepared && prepare(object, error)))
		claim(false, error, name);
	else
		load(name, object);
	bpf_object__close(object);
}

int main(void)
{
	const void *elf;
	size_t size;

	elf = evenkeel_bpf__elf_bytes(&size);
	examine("evenkeel.bpf.o", elf, size, true);
	elf = decap_bpf__elf_bytes(&size);
	examine("decap.bpf.o", elf, size, false);
	elf = lost_bpf__elf_bytes(&size);
	examine("lost.bpf.o", elf, size, false);
	printf("%u passed, %u failed\n", passed, failed);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

// SPDX-License-Identifier: GPL-2.0
/* Damaged, wild and very large files: a clear refusal or a right model, nothing else. */
#include "config_case.h"

#include <stdlib.h>
#include <time.h>

static const char *const examples[] = { "minimal.yaml", "ipip-two-families.yaml", "l2.yaml",
					"many-options.yaml", "nat.yaml" };

/* Parses a copy of exactly `length` bytes, so that the sanitizer sees a read beyond it. The
 * result must be refused with an error, or pass the checks. */
static struct config *parse_exact(const char *text, size_t length)
{
	_cleanup_(diag_release) struct diag d = { .file = "f" };
	_cleanup_(free_ptr) char *copy = malloc(length ? length : 1);
	_cleanup_(free_ptr) char *lines = NULL;
	struct config *c = NULL;
	int err;

	memcpy(copy, text, length);
	err = config_parse(&c, copy, length, &d);
	lines = diag_lines(&d);
	if (err) {
		assert_int_equal(err, -EINVAL);
		assert_true(d.errors > 0);
		assert_null(c);
		return NULL;
	}
	assert_int_equal(d.errors, 0);
	config_check(c, &d);
	assert_int_equal(d.errors, 0);
	return c;
}

static bool same_backend(const struct config_backend *a, const struct config_backend *b)
{
	return addr_equal(&a->addr, &b->addr) && a->weight == b->weight && a->drain == b->drain;
}

static bool same_endpoint(const struct endpoint *a, const struct endpoint *b)
{
	return addr_equal(&a->addr, &b->addr) && a->port == b->port && a->proto == b->proto;
}

/* What a cut-off file still says must be what the whole one says: pools and services may be
 * missing, values may not be others. Options after the pool may be missing and have defaults. */
static void assert_part_of(const struct config *part, const struct config *whole)
{
	for (size_t i = 0; i < part->service_count; i++) {
		const struct config_service *s = &part->services[i];
		const struct config_service *w = config_service(whole, s->name);

		assert_non_null(w);
		assert_true(s->listener_count <= w->listener_count);
		for (size_t j = 0; j < s->listener_count; j++)
			assert_true(same_endpoint(&s->listeners[j].endpoint,
						  &w->listeners[j].endpoint));
		for (size_t j = 0; j < s->backend_count; j++) {
			const struct config_backend *b = config_backend(w, s->backends[j].name);

			assert_non_null(b);
			assert_true(same_backend(&s->backends[j], b));
		}
	}
}

static void a_file_cut_anywhere_is_refused_or_says_nothing_else(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(examples); i++) {
		_cleanup_(free_ptr) char *text = read_example(examples[i]);
		_cleanup_(config_release) struct config *whole = must_parse(text);
		size_t refused = 0, length = strlen(text);

		for (size_t cut = 0; cut < length; cut++) {
			_cleanup_(config_release) struct config *c = parse_exact(text, cut);

			if (c)
				assert_part_of(c, whole);
			else
				refused++;
		}
		assert_true(refused > length / 3);
	}
}

static void a_canonical_text_cut_anywhere_is_refused(void **state)
{
	_cleanup_(free_ptr) char *file = read_example("many-options.yaml");
	_cleanup_(config_release) struct config *c = must_parse(file);
	_cleanup_(free_ptr) char *text = config_text(c);

	for (size_t cut = 0; cut < strlen(text); cut++)
		assert_null(parse_exact(text, cut));
}

/* xorshift64 (Marsaglia 2003): the same damage in every run. */
static uint64_t next_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

/* A byte that means something to YAML, or to UTF-8. */
static char likely_byte(uint64_t *seed)
{
	static const char likely[] = "{}[]:,\"'#&*!|>%@`-? \n\t\r\\0189xabz\x80\xff\xc3";

	return likely[next_random(seed) % (sizeof(likely) - 1)];
}

/* Replaces, removes, doubles or moves a few bytes; `text` has room for one more. */
static size_t damage(char *text, size_t length, uint64_t *seed)
{
	size_t at = next_random(seed) % length, from = next_random(seed) % length;

	switch (next_random(seed) % 5) {
	case 0:
		text[at] = likely_byte(seed);
		return length;
	case 1:
		text[at] = (char)next_random(seed);
		return length;
	case 2:
		memmove(text + at, text + at + 1, length - at - 1);
		return length - 1;
	case 3:
		memmove(text + at + 1, text + at, length - at);
		return length + 1;
	default:
		text[at] = text[from];
		return length;
	}
}

static void a_damaged_file_is_refused_or_is_a_right_model(void **state)
{
	uint64_t seed = 0x9e3779b97f4a7c15ull;
	size_t refused = 0, taken = 0;

	for (unsigned int round = 0; round < 4000; round++) {
		_cleanup_(free_ptr) char *text =
			read_example(examples[round % ARRAY_SIZE(examples)]);
		_cleanup_(config_release) struct config *c = NULL;
		size_t length = strlen(text);

		for (uint64_t i = 1 + next_random(&seed) % 8; i; i--)
			length = damage(text, length, &seed);
		c = parse_exact(text, length);
		if (c) {
			_cleanup_(free_ptr) char *canonical = config_text(c);
			_cleanup_(config_release) struct config *again = must_parse(canonical);
			_cleanup_(free_ptr) char *canonical_again = config_text(again);

			assert_string_equal(canonical, canonical_again);
		}
		*(c ? &taken : &refused) += 1;
	}
	/* Damage that never mattered, or always did, would have tested half of it only. */
	assert_true(refused > 100);
	assert_true(taken > 100);
}

static void noise_is_refused(void **state)
{
	uint64_t seed = 42;
	char noise[256];

	for (unsigned int round = 0; round < 2000; round++) {
		size_t length = 1 + next_random(&seed) % sizeof(noise);

		for (size_t i = 0; i < length; i++)
			noise[i] = round % 2 ? (char)next_random(&seed) : likely_byte(&seed);
		assert_null(parse_exact(noise, length));
	}
}

/* Only one thing is in doubt about this text: whether it takes too long or too much stack. */
static void assert_refused_quickly(const char *unit, size_t count)
{
	size_t size = strlen(unit);
	_cleanup_(free_ptr) char *text = malloc(size * count + 1);
	struct timespec start, end;

	for (size_t i = 0; i < count; i++)
		memcpy(text + i * size, unit, size);
	clock_gettime(CLOCK_MONOTONIC, &start);
	assert_null(parse_exact(text, size * count));
	clock_gettime(CLOCK_MONOTONIC, &end);
	assert_true(end.tv_sec - start.tv_sec < 20);
}

static void monotonous_files_are_refused_quickly(void **state)
{
	assert_refused_quickly("[", 100000);
	assert_refused_quickly("{", 100000);
	assert_refused_quickly("- ", 100000);
	assert_refused_quickly("? ", 100000);
	assert_refused_quickly("a: ", 100000);
	assert_refused_quickly("a: 1\n", 20000);
	assert_refused_quickly("\"", 100000);
	assert_refused_quickly("&a ", 100000);
	assert_refused_quickly("!", 100000);
	assert_refused_quickly("a", 1000000);
	assert_refused_quickly("\xff\n", 100000);
	assert_refused_quickly("---\n", 100000);
}

/* 1000 services of 100 backends. If `wrong`, each has an address twice, and one more service
 * claims another's listener and address. */
static char *large_text(bool wrong)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	fprintf(f, "services:\n");
	for (unsigned int i = 0; i < 1000; i++) {
		fprintf(f, "  s%u:\n    listen: [\"203.0.%u.%u:443/tcp\"]\n    backends:\n", i,
			i / 250, i % 250 + 1);
		for (unsigned int j = 0; j < 100; j++)
			fprintf(f, "      b%u: { address: 10.%u.%u.%u, weight: %u }\n", j, i / 250,
				i % 250, wrong && j == 99 ? 1 : j + 1, 100 + j % 7);
	}
	if (wrong)
		fprintf(f, "  more:\n    listen: [\"203.0.1.1:443/tcp\"]\n"
			   "    backends: { a: 203.0.3.250 }\n");
	fclose(f);
	return text;
}

static double parse_seconds(const char *text, size_t *errors)
{
	_cleanup_(diag_release) struct diag d = {};
	_cleanup_(config_release) struct config *c = NULL;
	struct timespec start, end;

	clock_gettime(CLOCK_MONOTONIC, &start);
	config_parse(&c, text, strlen(text), &d);
	clock_gettime(CLOCK_MONOTONIC, &end);
	*errors = d.errors;
	return (double)(end.tv_sec - start.tv_sec) + (double)(end.tv_nsec - start.tv_nsec) / 1e9;
}

static void a_thousand_services_of_a_hundred_backends_take_no_time(void **state)
{
	/* About 0.2 s without, 1 s with the sanitizers; a quadratic check would take minutes. */
	const double bound_s = 20;
	_cleanup_(free_ptr) char *right = large_text(false);
	_cleanup_(free_ptr) char *wrong = large_text(true);
	size_t errors;

	assert_true(parse_seconds(right, &errors) < bound_s);
	assert_int_equal(errors, 0);
	assert_true(parse_seconds(wrong, &errors) < bound_s);
	assert_int_equal(errors, 1002);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_cut_anywhere_is_refused_or_says_nothing_else),
		cmocka_unit_test(a_canonical_text_cut_anywhere_is_refused),
		cmocka_unit_test(a_damaged_file_is_refused_or_is_a_right_model),
		cmocka_unit_test(noise_is_refused),
		cmocka_unit_test(monotonous_files_are_refused_quickly),
		cmocka_unit_test(a_thousand_services_of_a_hundred_backends_take_no_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

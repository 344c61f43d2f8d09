// SPDX-License-Identifier: GPL-2.0
/* Right files and the models that they become. */
#include "config_case.h"

#include <netinet/in.h>

static void assert_place(struct place p, unsigned int line, unsigned int column)
{
	assert_int_equal(p.line, line);
	assert_int_equal(p.column, column);
}

static void assert_backend(const struct config_service *s, const char *name, const char *addr,
			   uint32_t weight, bool drain)
{
	const struct config_backend *b = config_backend(s, name);
	char text[ADDR_TEXT_MAX];

	assert_non_null(b);
	assert_string_equal(addr_text(&b->addr, text), addr);
	assert_int_equal(b->weight, weight);
	assert_int_equal(b->drain, drain);
	assert_int_equal(config_backend_weight(b), drain ? 0 : weight);
}

static void assert_listener(const struct config_service *s, size_t i, const char *expected)
{
	char text[ENDPOINT_TEXT_MAX];

	assert_true(i < s->listener_count);
	assert_string_equal(endpoint_text(&s->listeners[i].endpoint, text), expected);
}

static void what_is_left_out_gets_its_default(void **state)
{
	_cleanup_(config_release) struct config *c = must_parse(WEB_1);
	const struct config_service *s = config_service(c, "web");

	assert_int_equal(c->interface_count, 0);
	assert_int_equal(c->service_count, 1);
	assert_non_null(s);
	assert_int_equal(s->forward, EK_FORWARD_IPIP);
	assert_int_equal(s->hash, EK_HASH_5TUPLE);
	assert_int_equal(s->idle_s, 300);
	assert_int_equal(s->drain_s, 3600);
	assert_int_equal(s->hold_s, 60);
	assert_int_equal(s->check_count, 1);
	assert_int_equal(s->checks[0].type, CHECK_TCP);
	assert_int_equal(s->backend_count, 1);
	assert_backend(s, "web-1", "10.0.1.1", 100, false);
}

static void what_is_written_is_in_the_model(void **state)
{
	_cleanup_(free_ptr) char *text = read_example("many-options.yaml");
	_cleanup_(config_release) struct config *c = must_parse(text);
	const struct config_service *shop = config_service(c, "shop");
	const struct config_service *mail = config_service(c, "mail");

	assert_int_equal(c->interface_count, 2);
	assert_string_equal(c->interfaces[0], "eth0");
	assert_string_equal(c->interfaces[1], "eth1");
	assert_int_equal(c->service_count, 2);
	assert_ptr_equal(shop, &c->services[0]);
	assert_ptr_equal(mail, &c->services[1]);
	assert_int_equal(shop->listener_count, 2);
	assert_listener(shop, 0, "203.0.113.20:443/tcp");
	assert_listener(shop, 1, "[2001:db8::20]:443/tcp");
	assert_int_equal(shop->forward, EK_FORWARD_IPIP);
	assert_int_equal(shop->hash, EK_HASH_SOURCE);
	assert_int_equal(shop->idle_s, 600);
	assert_int_equal(shop->drain_s, 7200);
	assert_int_equal(shop->slow_start_s, 30);
	assert_int_equal(shop->backend_count, 5);
	assert_backend(shop, "shop-1", "10.0.3.1", 100, false);
	assert_backend(shop, "shop-2", "10.0.3.2", 200, false);
	assert_backend(shop, "shop-3", "10.0.3.3", 100, true);
	assert_backend(shop, "shop-4", "10.0.3.4", 0, false);
	assert_false(shop->backends[3].backup);
	assert_true(shop->backends[4].backup);
	assert_int_equal(mail->listener_count, 3);
	assert_int_equal(mail->forward, EK_FORWARD_L2);
	assert_int_equal(mail->hash, EK_HASH_SOURCE_DEST);
	assert_int_equal(mail->idle_s, 1800);
	assert_int_equal(mail->drain_s, 1800);
	assert_backend(mail, "mail-2", "10.0.4.2", 100, false);
}

static void places_are_those_of_the_text(void **state)
{
	_cleanup_(config_release) struct config *c =
		must_parse(POOL "      a: { weight: 5, address: 10.0.1.1 }\n"
				"      \"b\": 10.0.1.2\n");
	const struct config_service *s = &c->services[0];

	assert_place(s->place, 2, 3);
	assert_place(s->listeners[0].place, 3, 14);
	assert_place(s->backends[0].place, 5, 7);
	assert_place(s->backends[0].weight_place, 5, 20);
	assert_place(s->backends[0].addr_place, 5, 32);
	assert_place(s->backends[1].place, 6, 7);
	assert_place(s->backends[1].addr_place, 6, 12);
}

static void every_example_is_right(void **state)
{
	static const char *const names[] = { "minimal.yaml", "ipip-two-families.yaml", "l2.yaml",
					     "many-options.yaml" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_(free_ptr) char *text = read_example(names[i]);
		const struct config_case row = { text, "" };

		assert_case(&row);
	}
}

static void families_may_be_mixed_in_every_mode(void **state)
{
	static const char *const modes[] = { "l2", "ipip" };

	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		_cleanup_(config_release) struct config *c = NULL;
		char text[512];

		snprintf(text, sizeof(text),
			 "services:\n"
			 "  web:\n"
			 "    forward: %s\n"
			 "    listen: [\"203.0.113.10:443/tcp\", \"[2001:db8::10]:443/udp\"]\n"
			 "    backends: { a: 10.0.1.1, b: \"2001:db8:1::1\" }\n",
			 modes[i]);
		c = must_parse(text);
		assert_string_equal(config_forward_name(c->services[0].forward), modes[i]);
	}
}

static void a_refused_text_leaves_the_result_untouched(void **state)
{
	_cleanup_(diag_release) struct diag d = { .file = "f" };
	struct config marker, *c = &marker;

	assert_int_equal(config_parse(&c, "servces: {}\n", 12, &d), -EINVAL);
	assert_ptr_equal(c, &marker);
	assert_int_equal(d.errors, 1);
}

static void earlier_diagnostics_do_not_refuse_a_right_text(void **state)
{
	_cleanup_(diag_release) struct diag d = { .file = "f" };
	_cleanup_(config_release) struct config *c = NULL;

	diag_error(&d, 0, 0, "something else");
	assert_int_equal(config_parse(&c, "services: {}\n", 13, &d), 0);
	assert_int_equal(c->service_count, 0);
}

static void a_nul_in_the_file_is_refused(void **state)
{
	static const char text[] = "services: {}\n\0interfaces: [eth0]\n";
	_cleanup_(diag_release) struct diag d = { .file = "f" };
	struct config *c = NULL;

	assert_int_equal(config_parse(&c, text, sizeof(text) - 1, &d), -EINVAL);
	assert_said(text, &d, "f:2:1: error: a NUL character: the file is damaged or not text\n");
}

static void only_the_given_length_is_read(void **state)
{
	static const char text[] = "services: {}\nnonsense";
	_cleanup_(diag_release) struct diag d = { .file = "f" };
	_cleanup_(config_release) struct config *c = NULL;

	assert_int_equal(config_parse(&c, text, 13, &d), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_left_out_gets_its_default),
		cmocka_unit_test(what_is_written_is_in_the_model),
		cmocka_unit_test(places_are_those_of_the_text),
		cmocka_unit_test(every_example_is_right),
		cmocka_unit_test(families_may_be_mixed_in_every_mode),
		cmocka_unit_test(a_refused_text_leaves_the_result_untouched),
		cmocka_unit_test(earlier_diagnostics_do_not_refuse_a_right_text),
		cmocka_unit_test(a_nul_in_the_file_is_refused),
		cmocka_unit_test(only_the_given_length_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

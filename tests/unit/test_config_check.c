// SPDX-License-Identifier: GPL-2.0
/* The checks on the model: first through a text, with places, then on a model that has none. */
#include "config_case.h"

static void names_are_given_once(void **state)
{
	static const struct config_case rows[] = {
		{ POOL "      a: 10.0.1.1\n"
		       "      b: 10.0.1.2\n"
		       "      a: 10.0.1.3\n"
		       "      \"a\": 10.0.1.4\n",
		  "f:7:7: error: backend 'a' is in service 'web' already (line 5, column 7): give "
		  "it "
		  "another name\n"
		  "f:8:7: error: backend 'a' is in service 'web' already (line 5, column 7): give "
		  "it "
		  "another name\n" },
		{ WEB_1 "  dns:\n"
			"    listen: [\"203.0.113.10:53/udp\"]\n"
			"    backends: { web-1: 10.0.1.1 }\n"
			"  web:\n"
			"    listen: [\"203.0.113.10:54/udp\"]\n"
			"    backends: { web-1: 10.0.1.1 }\n",
		  "f:9:3: error: service 'web' is there already (line 2, column 3): give it "
		  "another "
		  "name\n" },
		{ POOL "      a: 10.0.1.1\n      A: 10.0.1.2\n      a-: 10.0.1.3\n", "" },
	};

	assert_cases(rows, ARRAY_SIZE(rows));
}

static void an_address_is_in_a_pool_once(void **state)
{
	static const struct config_case rows[] = {
		{ POOL "      a: 10.0.1.1\n"
		       "      b: { address: 10.0.1.1 }\n"
		       "      c: \"::ffff:10.0.1.1\"\n"
		       "      d: 2001:db8::1\n"
		       "      e: 2001:DB8:0::0:1\n",
		  "f:6:21: error: web/b: address 10.0.1.1 is that of backend 'a' already (line 5, "
		  "column 10): a server is in a pool once\n"
		  "f:7:10: error: web/c: address 10.0.1.1 is that of backend 'a' already (line 5, "
		  "column 10): a server is in a pool once\n"
		  "f:9:10: error: web/e: address 2001:db8::1 is that of backend 'd' already (line "
		  "8, "
		  "column 10): a server is in a pool once\n" },
		{ WEB_1 "  dns:\n"
			"    listen: [\"203.0.113.10:53/udp\"]\n"
			"    backends: { ns-1: 10.0.1.1 }\n",
		  "" },
	};

	assert_cases(rows, ARRAY_SIZE(rows));
}

static void addresses_that_are_no_host_cannot_be_backends(void **state)
{
	static const struct config_case rows[] = {
		{ POOL "      a: 224.0.0.1\n"
		       "      b: 0.1.2.3\n"
		       "      c: 255.255.255.255\n"
		       "      d: { address: 127.0.0.1, weight: 7 }\n"
		       "      e: 240.0.0.1\n"
		       "      f: ff02::1\n"
		       "      g: fe80::1\n"
		       "      h: \"::\"\n"
		       "      i: \"::1\"\n"
		       "      j: 223.255.255.255\n",
		  "f:5:10: error: web/a: address 224.0.0.1 is a multicast address: it cannot be a "
		  "backend\n"
		  "f:6:10: error: web/b: address 0.1.2.3 is in 0.0.0.0/8, which names no host: it "
		  "cannot be a backend\n"
		  "f:7:10: error: web/c: address 255.255.255.255 is the broadcast address: it "
		  "cannot be "
		  "a backend\n"
		  "f:8:21: error: web/d: address 127.0.0.1 is a loopback address: it cannot be a "
		  "backend\n"
		  "f:9:10: error: web/e: address 240.0.0.1 is in the reserved range 240.0.0.0/4: "
		  "it "
		  "cannot be a backend\n"
		  "f:10:10: error: web/f: address ff02::1 is a multicast address: it cannot be a "
		  "backend\n"
		  "f:11:10: error: web/g: address fe80::1 is an IPv6 link-local address: it cannot "
		  "be "
		  "a backend\n"
		  "f:12:10: error: web/h: address :: is the unspecified address: it cannot be a "
		  "backend\n"
		  "f:13:10: error: web/i: address ::1 is a loopback address: it cannot be a "
		  "backend\n" },
	};

	assert_cases(rows, ARRAY_SIZE(rows));
}

static void no_service_address_is_a_backend(void **state)
{
	static const struct config_case rows[] = {
		{ POOL "      own: 203.0.113.10\n"
		       "      mapped: \"::ffff:203.0.113.10\"\n"
		       "      others: 2001:db8::53\n"
		       "      near: 203.0.113.11\n"
		       "  dns:\n"
		       "    listen: [\"203.0.113.53:53/udp\", \"[2001:db8::53]:53/udp\"]\n"
		       "    backends: { ns-1: 10.0.1.1 }\n",
		  "f:5:12: error: web/own: service 'web' listens on address 203.0.113.10 (line 3, "
		  "column "
		  "14): give the server's own address, or its packets come back here\n"
		  "f:6:15: error: web/mapped: service 'web' listens on address 203.0.113.10 (line "
		  "3, "
		  "column 14): give the server's own address, or its packets come back here\n"
		  "f:6:15: error: web/mapped: address 203.0.113.10 is that of backend 'own' "
		  "already (line "
		  "5, column 12): a server is in a pool once\n"
		  "f:7:15: error: web/others: service 'dns' listens on address 2001:db8::53 (line "
		  "10, "
		  "column 37): give the server's own address, or its packets come back here\n" },
	};

	assert_cases(rows, ARRAY_SIZE(rows));
}

static void a_listener_is_claimed_once(void **state)
{
	static const struct config_case rows[] = {
		{ "services:\n"
		  "  web:\n"
		  "    listen:\n"
		  "    - 203.0.113.10:443/tcp\n"
		  "    - 203.0.113.10:443/udp\n"
		  "    - 203.0.113.10:80/tcp\n"
		  "    - \"[::ffff:203.0.113.10]:443/tcp\"\n"
		  "    backends: { a: 10.0.1.1 }\n"
		  "  api:\n"
		  "    listen: [\"203.0.113.11:443/tcp\", \"203.0.113.10:443/udp\"]\n"
		  "    backends: { a: 10.0.1.1 }\n",
		  "f:7:7: error: listener 203.0.113.10:443/tcp is claimed by service 'web' already "
		  "(line "
		  "4, column 7): remove one\n"
		  "f:10:38: error: listener 203.0.113.10:443/udp is claimed by service 'web' "
		  "already "
		  "(line 5, column 7): remove one\n" },
	};

	assert_cases(rows, ARRAY_SIZE(rows));
}

static void listeners_need_an_address_of_a_host(void **state)
{
	static const struct config_case rows[] = {
		{ "services:\n"
		  "  web:\n"
		  "    listen: [0.0.0.0:80/tcp, \"[::]:80/tcp\", 127.0.0.1:80/tcp, "
		  "224.0.0.1:80/udp]\n"
		  "    backends: { a: 10.0.1.1 }\n",
		  "f:3:14: error: service 'web' cannot listen on 0.0.0.0: it is in 0.0.0.0/8, "
		  "which "
		  "names no host\n"
		  "f:3:30: error: service 'web' cannot listen on ::: it is the unspecified "
		  "address\n"
		  "f:3:45: error: service 'web' cannot listen on 127.0.0.1: it is a loopback "
		  "address\n"
		  "f:3:63: error: service 'web' cannot listen on 224.0.0.1: it is a multicast "
		  "address\n" },
	};

	assert_cases(rows, ARRAY_SIZE(rows));
}

static void a_service_needs_listeners_and_somebody_who_takes_new_flows(void **state)
{
	static const struct config_case rows[] = {
		{ "services:\n"
		  "  a: {}\n"
		  "  b: { listen: [], backends: {} }\n"
		  "  c: { listen: [203.0.113.10:1/tcp], backends: { x: { address: 10.0.1.1, "
		  "weight: 0 } } }\n"
		  "  d: { listen: [203.0.113.10:2/tcp], backends: { x: { address: 10.0.1.1, drain: "
		  "true },\n"
		  "       y: { address: 10.0.1.2, weight: 0 } } }\n"
		  "  e: { listen: [203.0.113.10:3/tcp], backends: { x: { address: 10.0.1.1, drain: "
		  "true },\n"
		  "       y: { address: 10.0.1.2, weight: 1 } } }\n",
		  "f:2:3: error: service 'a' has no listeners: add at least one "
		  "\"address:port/protocol\" to 'listen:'\n"
		  "f:2:3: error: service 'a' has no backends: add at least one below 'backends:'\n"
		  "f:3:3: error: service 'b' has no listeners: add at least one "
		  "\"address:port/protocol\" to 'listen:'\n"
		  "f:3:3: error: service 'b' has no backends: add at least one below 'backends:'\n"
		  "f:4:3: error: service 'c': every backend is drained or has weight 0, so nobody "
		  "takes "
		  "new flows\n"
		  "f:5:3: error: service 'd': every backend is drained or has weight 0, so nobody "
		  "takes "
		  "new flows\n" },
	};

	assert_cases(rows, ARRAY_SIZE(rows));
}

/* Checks the model as a command would have changed it: `said` names no places. */
static void assert_checked(const struct config *c, const char *said)
{
	_cleanup_(diag_release) struct diag d = {};

	config_check(c, &d);
	assert_said("(a model)", &d, said);
}

static void forget_places(struct config *c)
{
	for (size_t i = 0; i < c->service_count; i++) {
		struct config_service *s = &c->services[i];

		s->place = (struct place){};
		for (size_t j = 0; j < s->listener_count; j++)
			s->listeners[j].place = (struct place){};
		for (size_t j = 0; j < s->backend_count; j++) {
			struct config_backend *b = &s->backends[j];

			b->place = b->addr_place = b->weight_place = (struct place){};
		}
	}
}

/* Adds a backend as a command would. */
static void add(struct config_service *s, const char *name, const char *addr, uint32_t weight)
{
	struct config_backend b = { .weight = weight };
	const char *why;

	strncpy(b.name, name, sizeof(b.name) - 1);
	assert_int_equal(addr_parse(&b.addr, addr, &why), 0);
	assert_int_equal(config_backend_add(s, &b), 0);
}

static void a_right_model_without_places_passes(void **state)
{
	_cleanup_(free_ptr) char *text = read_example("many-options.yaml");
	_cleanup_(config_release) struct config *c = must_parse(text);

	forget_places(c);
	assert_checked(c, "");
	add(config_service(c, "mail"), "mail-3", "10.0.4.3", 100);
	assert_checked(c, "");
}

static void a_backend_added_by_a_command_is_checked_like_one_in_a_file(void **state)
{
	_cleanup_(config_release) struct config *c = must_parse(WEB_1);
	struct config_service *s = config_service(c, "web");

	add(s, "-x", "10.0.1.2", 65536);
	add(s, "web-3", "10.0.1.1", 100);
	add(s, "web-4", "224.0.0.1", 100);
	add(s, "web-5", "203.0.113.10", 100);
	add(s, "web-5", "10.0.1.5", 100);
	assert_checked(
		c,
		"error: backend name '-x' must begin with a letter or digit\n"
		"error: web/-x: weight 65536 is above 65535\n"
		"error: web/web-4: address 224.0.0.1 is a multicast address: it cannot be a "
		"backend\n"
		"error: web/web-5: service 'web' listens on address 203.0.113.10 (line 3, column "
		"14): give the server's own address, or its packets come back here\n"
		"error: backend 'web-5' is in service 'web' already: give it another name\n"
		"error: web/web-3: address 10.0.1.1 is that of backend 'web-1' already (line 5, "
		"column 14): a server is in a pool once\n");
}

static void a_model_that_lost_its_sense_is_refused(void **state)
{
	_cleanup_(config_release) struct config *c = must_parse(WEB_1);
	struct config_service *s = &c->services[0];

	forget_places(c);
	s->name[0] = '\0';
	s->forward = EK_FORWARD_NONE;
	s->idle_s = 0;
	s->drain_s = 604801;
	s->hold_s = 28801;
	s->listeners[0].endpoint.port = 0;
	s->backends[0].drain = true;
	assert_checked(
		c, "error: service name '' is empty\n"
		   "error: service '': a listener needs a port and the protocol tcp or udp\n"
		   "error: service '': forward must be l2, ipip, gue or nat\n"
		   "error: service '': idle_time 0 s is not within 1..28800 s\n"
		   "error: service '': drain_time 604801 s is above 604800 s\n"
		   "error: service '': hold_time 28801 s is above 28800 s\n"
		   "error: service '': every backend is drained or has weight 0, so nobody takes "
		   "new flows\n");
	config_backend_remove(s, &s->backends[0]);
	s->listener_count = 0;
	s->forward = EK_FORWARD_L2;
	s->idle_s = 28800;
	s->drain_s = 0;
	s->hold_s = 0;
	strcpy(s->name, "web");
	assert_checked(
		c, "error: service 'web' has no listeners: add at least one "
		   "\"address:port/protocol\" to 'listen:'\n"
		   "error: service 'web' has no backends: add at least one below 'backends:'\n");
}

static void the_first_service_keeps_a_listener_wherever_it_is_in_memory(void **state)
{
	_cleanup_(config_release) struct config *c =
		must_parse(WEB_1 "  api:\n"
				 "    listen: [\"203.0.113.10:80/tcp\"]\n"
				 "    backends: { a: 10.0.1.1 }\n");
	struct config_service *web = &c->services[0], *api = &c->services[1];

	forget_places(c);
	api->listeners[0] = web->listeners[0];
	for (int i = 0; i < 2; i++) {
		struct config_listener *listeners = web->listeners;

		assert_checked(c, "error: listener 203.0.113.10:443/tcp is claimed by service "
				  "'web' already: remove one\n");
		web->listeners = api->listeners;
		api->listeners = listeners;
	}
}

static void interfaces_of_a_model_are_checked(void **state)
{
	char eth0[] = "eth0", slash[] = "eth/0", again[] = "eth0";
	char *names[] = { eth0, slash, again };
	const struct config c = { .interfaces = names, .interface_count = 3 };

	assert_checked(&c, "error: interface name 'eth/0' may not hold white space, '/', ':' or "
			   "anything but ASCII\n"
			   "error: interface 'eth0' is listed twice\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_given_once),
		cmocka_unit_test(an_address_is_in_a_pool_once),
		cmocka_unit_test(addresses_that_are_no_host_cannot_be_backends),
		cmocka_unit_test(no_service_address_is_a_backend),
		cmocka_unit_test(a_listener_is_claimed_once),
		cmocka_unit_test(listeners_need_an_address_of_a_host),
		cmocka_unit_test(a_service_needs_listeners_and_somebody_who_takes_new_flows),
		cmocka_unit_test(a_right_model_without_places_passes),
		cmocka_unit_test(a_backend_added_by_a_command_is_checked_like_one_in_a_file),
		cmocka_unit_test(a_model_that_lost_its_sense_is_refused),
		cmocka_unit_test(the_first_service_keeps_a_listener_wherever_it_is_in_memory),
		cmocka_unit_test(interfaces_of_a_model_are_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0 */
/* What most packet tests begin with: "web", by ipip to backends of either family, "dns", by l2,
 * and a flow to each in each family. */
#ifndef EVENKEEL_TESTS_TWO_SERVICES_H
#define EVENKEEL_TESTS_TWO_SERVICES_H

#define TWO_SERVICES                                                                               \
	"services:\n"                                                                              \
	"  web:\n"                                                                                 \
	"    listen: [\"203.0.113.10:443/tcp\", \"[2001:db8::10]:443/tcp\"]\n"                     \
	"    forward: ipip\n"                                                                      \
	"    backends: { a: 10.0.0.1, b: 10.0.0.2, c: \"fd00::3\", d: \"fd00::4\" }\n"             \
	"  dns:\n"                                                                                 \
	"    listen: [\"203.0.113.10:53/udp\", \"[2001:db8::10]:53/udp\"]\n"                       \
	"    forward: l2\n"                                                                        \
	"    backends: { a: 10.0.0.1, b: 10.0.0.2, c: 10.0.0.3 }\n"

#define WEB4 "198.51.100.7:40000 > 203.0.113.10:443/tcp"
#define WEB6 "[2001:db8:1::7]:40000 > [2001:db8::10]:443/tcp"
#define DNS4 "198.51.100.7:40000 > 203.0.113.10:53/udp"
#define DNS6 "[2001:db8:1::7]:40000 > [2001:db8::10]:53/udp"

#endif

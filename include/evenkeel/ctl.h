/* SPDX-License-Identifier: GPL-2.0 */
/* The control protocol between `evenkeel` and `evenkeeld`: one JSON object a line over a Unix
 * stream socket, one request and one response a connection. The daemon learns who asks from
 * the socket's peer credentials (SO_PEERCRED); root and the daemon's own user may change
 * things, members of the socket's group may look, and members of the group that `policy` names may
 * approve.
 *
 *   request   {"version": 1, "command": "apply", "arguments": {...}}
 *   response  {"version": 1, "exit": 0, "result": {...}, "messages": ["...", ...]}
 *
 * `exit` is the exit status of the command (enum ek_exit), `result` what --json prints,
 * `messages` lines for stderr. A request of an unknown version, with an unknown command or a
 * wrong type of argument is answered with EK_EXIT_USAGE and a message; a line longer than
 * EK_CTL_REQUEST_MAX ends the connection after such an answer. */
#ifndef EVENKEEL_CTL_H
#define EVENKEEL_CTL_H

#define EK_CTL_VERSION 1
#define EK_CTL_REQUEST_MAX                                                                         \
	(16u << 20) /* a configuration of 1000 services of 100 backends is 6 MB */

#define EK_DEFAULT_SOCKET "/run/evenkeel/control.sock"
#define EK_DEFAULT_STATE "/var/lib/evenkeel"
#define EK_DEFAULT_PINS "/sys/fs/bpf/evenkeel"
#define EK_DEFAULT_CONFIG "/etc/evenkeel/evenkeel.yaml"

enum ek_exit {
	EK_EXIT_DONE = 0,    /* for a change: in force */
	EK_EXIT_REFUSED = 1, /* refused or failed: messages say why */
	EK_EXIT_USAGE = 2,
	EK_EXIT_ROLLED_BACK = 3,
	EK_EXIT_AWAITS_APPROVAL = 4,
	EK_EXIT_HELD = 5,
};

/* command           arguments                                             result
 * version           {}                                                    {version, abi, pid, netns, ...}
 * attach            {interfaces: [name], generic: bool, yes: bool,        {interfaces: [{name, mode,
 *                    session: "client-address"}                             confirm_within_s, findings: []}]}
 * detach            {interfaces: [name]}  (empty: all)                    {detached: [name]}
 * confirm           {}                                                    {confirmed: [name]}
 * apply             {text, file}                                          {revision, changed, warnings: []}
 * plan              {text?, file?, lose?, load?, remove?, check?}         see docs/json.md; with check:
 *                                                                         {in_force, live: [{service,
 *                                                                           backend, passes, reason}]}
 * status            {}                                                    see docs/json.md
 * metrics           {}                                                    {text}
 * services          {}                                                    {services: [...]}, as in status
 * backend           {service, action: add|set|drain|undrain|remove,       {revision, changed}
 *                    backends: [{name, address?, weight?}]}
 * explain           {flow: "src:port > dst:port/proto"}                   {service, slot, backend, ...}
 * rekey             {}                                                    {services}
 * history           {limit?}                                              {revisions: [...], events: [...]}
 * doctor            {}                                                    {findings: [...]}
 * proposals         {proposal?}                                           see docs/json.md
 * approve           {proposal, signature?}                                as apply
 * reject            {proposal, reason?}                                   {proposal, state}
 * setup             {service}                                             facts for `backend setup`  */

#endif

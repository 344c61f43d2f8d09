// SPDX-License-Identifier: GPL-2.0
/* The table of commands: what is not here does not exist. */
#include "cli/cli.h"

/* Of all that changes the configuration. */
#define CHANGE_OPTIONS (OPTION_BIT(OPTION_FORCE) | OPTION_BIT(OPTION_REASON))
#define OPTIONS_OF_BACKENDS                                                                        \
	(OPTION_BIT(OPTION_WEIGHT) | OPTION_BIT(OPTION_NEW_FLOWS) |                                \
	 OPTION_BIT(OPTION_UDP_PACKETS) | OPTION_BIT(OPTION_BACKUP) | CHANGE_OPTIONS)

const struct command cli_commands[] = {
	{ "attach", "IF... [--generic] [--yes]", NULL, "put the balancer on network interfaces",
	  "In driver mode; in generic mode only with --generic. Checks the interface first and\n"
	  "prints the command that mends what is wrong. Where the default route or this SSH\n"
	  "session passes, it detaches by itself after 60 s unless `evenkeel confirm` comes.\n"
	  "\n"
	  "  evenkeel attach eth0\n",
	  OPTION_BIT(OPTION_GENERIC) | OPTION_BIT(OPTION_YES), 1, CLI_ANY, cmd_attach, false },
	{ "detach", "[IF...]", NULL, "take the balancer away from interfaces, or from all",
	  "Works without evenkeeld too: then it unlinks the pins below --pins itself.\n", 0, 0,
	  CLI_ANY, cmd_detach, false },
	{ "confirm", "", NULL, "keep what would be undone by itself, or a change that is held",
	  "Attachments that would detach, a change with --confirm-within. Typing it proves that\n"
	  "you can still reach this host.\n",
	  0, 0, 0, cmd_confirm, false },
	{ "apply", "FILE [OPTION...]", NULL, "bring a configuration into force",
	  "As a whole or not at all. FILE is checked first; - is standard input. Slots of services\n"
	  "that have traffic move in steps, and the change is watched: harm is rolled back. Waits\n"
	  "for the end: exit status 0 known good, 3 rolled back, 5 held (see evenkeel confirm).\n"
	  "With --base it is refused if the configuration was changed since that revision, and what\n"
	  "differs is said. What the gates stand against (see evenkeel plan) is refused; --force\n"
	  "goes on in spite of those that it names, and the reason is kept.\n",
	  CHANGE_OPTIONS | OPTION_BIT(OPTION_REMOVE) | OPTION_BIT(OPTION_BASE) |
		  OPTION_BIT(OPTION_AT_ONCE) | OPTION_BIT(OPTION_WATCH) |
		  OPTION_BIT(OPTION_CONFIRM_WITHIN) | OPTION_BIT(OPTION_NO_WAIT),
	  1, 1, cmd_apply, false },
	{ "rollback", "[REVISION]", NULL, "bring back the last revision that was known to be good",
	  "Or the one given. It becomes a new revision with the old content. A change that is being\n"
	  "staged or watched, or is held, is undone.\n",
	  CHANGE_OPTIONS, 0, 1, cmd_rollback, false },
	{ "proposals", "[CHANGE]", NULL, "list changes that wait for approvals, or show one",
	  "Where `policy` in the file asks for them, a change waits until others have agreed: then\n"
	  "evenkeel apply prints its name, as p7, and ends with exit status 4.\n",
	  0, 0, 1, cmd_proposals, false },
	{ "approve", "CHANGE [--signature FILE] [--no-wait]", NULL,
	  "agree to a change that somebody else has proposed",
	  "By your own user, who must be in the group that `policy` names: not root, and not who\n"
	  "proposed it. Or by a signature over the content hash, of somebody in its file of signers:\n"
	  "\n"
	  "  evenkeel proposals p7 --json | jq -r .content >p7\n"
	  "  ssh-keygen -Y sign -n evenkeel -f ~/.ssh/id_ed25519 p7\n"
	  "  evenkeel approve p7 --signature p7.sig\n"
	  "\n"
	  "The last one that is needed brings it into force and waits for the end, as apply does.\n"
	  "Exit status 4 if more are needed.\n",
	  OPTION_BIT(OPTION_SIGNATURE) | OPTION_BIT(OPTION_NO_WAIT), 1, 1, cmd_approve, false },
	{ "reject", "CHANGE [--reason TEXT]", NULL, "end a change that waits for approvals",
	  "For those who may approve it, who proposed it, and root.\n", OPTION_BIT(OPTION_REASON),
	  1, 1, cmd_reject, false },
	{ "check", "FILE [OPTION...]", NULL, "check a configuration, changing nothing",
	  "Needs neither evenkeeld nor root, but for --live. Prints all mistakes with\n"
	  "file:line:column; - is standard input. Warnings have names, by which `silence` in the\n"
	  "file silences them. Exit status 1 on errors, with --strict on warnings too.\n",
	  OPTION_BIT(OPTION_FROM) | OPTION_BIT(OPTION_LIVE) | OPTION_BIT(OPTION_REMOVE) |
		  OPTION_BIT(OPTION_STRICT) | OPTION_BIT(OPTION_FORMAT),
	  1, 1, cmd_check, false },
	{ "plan", "[FILE] [OPTION...]", NULL, "show what a change would do, changing nothing",
	  "What differs, the share of each backend now, after, and with those that answer, the\n"
	  "worst when one and two fail, and what would refuse the change: then the exit status\n"
	  "is 1. Compared is with what is in force; with --from, with OLD, asking nobody.\n"
	  "Without FILE nothing changes but what --lose and --load say.\n"
	  "\n"
	  "  evenkeel plan --from old.yaml new.yaml\n"
	  "  evenkeel plan --lose web-1,web-2 --load 1.5\n",
	  OPTION_BIT(OPTION_FROM) | OPTION_BIT(OPTION_LOSE) | OPTION_BIT(OPTION_LOAD) |
		  OPTION_BIT(OPTION_REMOVE),
	  0, 1, cmd_plan, false },
	{ "status", "[--watch[=SECONDS]] [--count N]", NULL,
	  "show services, backends, shares and drops",
	  "EXPECT is a backend's fraction of the slots, ACTUAL its fraction of the packets in the\n"
	  "last 10 seconds, or with --watch since the print before. The bar is full at the\n"
	  "service's largest share, | is at EXPECT.\n",
	  OPTION_BIT(OPTION_WATCH) | OPTION_BIT(OPTION_COUNT), 0, 0, cmd_status, false },
	{ "top", "[--sort COLUMN] [--once]", NULL, "watch the backends, sorted, on a terminal",
	  "EXPECT and ACTUAL are as in `evenkeel status`, SKEW is ACTUAL less EXPECT, in points;\n"
	  "rates are those since the refresh before. In a wide terminal a bar shows ACTUAL, with\n"
	  "a | at EXPECT. Keys: q quits, < and > choose the column to sort by, r reverses, arrows\n"
	  "and page keys scroll.\n",
	  OPTION_BIT(OPTION_SORT) | OPTION_BIT(OPTION_ONCE), 0, 0, cmd_top, false },
	{ "clients", "[SERVICE] [--limit N]", NULL, "show who sends how much, the heaviest first",
	  "From packets sampled in the last three minutes: shares of each service's bytes, packets\n"
	  "and new TCP flows by client address, and the backend that most of it goes to. SAMPLES\n"
	  "says how much there is to go by.\n",
	  OPTION_BIT(OPTION_LIMIT), 0, 1, cmd_clients, false },
	{ "metrics", "", NULL, "print the metrics, as GET /metrics answers",
	  "In Prometheus' text format; docs/monitoring.md says what each means.\n", 0, 0, 0,
	  cmd_metrics, false },
	{ "service list", "", NULL, "list the services", "", 0, 0, 0, cmd_service_list, false },
	{ "service show", "NAME", NULL, "show one service and its backends", "", 0, 1, 1,
	  cmd_service_show, false },
	{ "backend add", "SERVICE NAME ADDRESS [OPTION N]...",
	  "SERVICE NAME=ADDRESS[,weight=N]... [OPTION N]...", "add backends to a service",
	  "Several in one command are one change. --weight is for those without one of their own.\n"
	  "\n"
	  "  evenkeel backend add web web-4 10.0.1.4\n"
	  "  evenkeel backend add web web-4=10.0.1.4 web-5=10.0.1.5,weight=50\n",
	  OPTIONS_OF_BACKENDS, 2, CLI_ANY, cmd_backend_add, false },
	{ "backend set", "SERVICE NAME... OPTION N...", NULL,
	  "set weight, capacity or backup of backends",
	  "\n"
	  "  evenkeel backend set web web-4 web-5 --weight 200\n"
	  "  evenkeel backend set web web-4 --new-flows 1000\n",
	  OPTIONS_OF_BACKENDS, 2, CLI_ANY, cmd_backend_set, false },
	{ "backend drain", "SERVICE NAME...", NULL,
	  "send no new flows to backends, keep the old ones",
	  "By hand, over every revision: a later `evenkeel apply` keeps them drained. `evenkeel\n"
	  "status` says by whom and since when.\n"
	  "\n  evenkeel backend drain web web-1\n",
	  CHANGE_OPTIONS, 2, CLI_ANY, cmd_backend_drain, false },
	{ "backend undrain", "SERVICE NAME...", NULL, "send new flows to drained backends again",
	  "", CHANGE_OPTIONS, 2, CLI_ANY, cmd_backend_undrain, false },
	{ "backend remove", "SERVICE NAME...", NULL, "take backends out of a service",
	  "Their flows go on until they end or the service's drain time is over.\n", CHANGE_OPTIONS,
	  2, CLI_ANY, cmd_backend_remove, false },
	{ "backend restart-each", "SERVICE --exec CMD [--within N] [--unchecked]", NULL,
	  "restart the servers of a service, one after another",
	  "Drains a backend, waits for its flows to end (for the drain time at most), runs CMD,\n"
	  "waits for its health checks, gives it flows again, waits for its slow start, and goes on.\n"
	  "Stops at the first failure and leaves that backend drained. CMD finds\n"
	  "EVENKEEL_SERVICE, EVENKEEL_BACKEND and EVENKEEL_ADDRESS in its environment.\n"
	  "\n"
	  "  evenkeel backend restart-each web --exec 'ssh $EVENKEEL_ADDRESS restart-it'\n",
	  OPTION_BIT(OPTION_EXEC) | OPTION_BIT(OPTION_WITHIN) | OPTION_BIT(OPTION_UNCHECKED), 1, 1,
	  cmd_backend_restart_each, false },
	{ "backend setup", "SERVICE [NAME]", NULL, "print the commands that a backend's host needs",
	  "Addresses on lo, sysctls, decapsulation, segment size, firewall: for the shell of that\n"
	  "host. Of all backends, or of one:\n"
	  "\n"
	  "  evenkeel backend setup web web-1 | ssh root@web-1 sh\n",
	  0, 1, 2, cmd_backend_setup, false },
	{ "decap attach", "IF [--generic]", NULL, "on a backend: unwrap what the balancer sends",
	  "For services with `forward: ipip` or `gue`. Needs no evenkeeld.\n",
	  OPTION_BIT(OPTION_GENERIC), 1, 1, cmd_decap_attach, false },
	{ "decap detach", "IF", NULL, "on a backend: stop unwrapping", "", 0, 1, 1,
	  cmd_decap_detach, false },
	{ "decap status", "[IF]", NULL, "on a backend: show what was unwrapped", "", 0, 0, 1,
	  cmd_decap_status, false },
	{ "rekey", "", NULL, "choose flows' backends by a new secret key",
	  "When somebody may know the key, who could then aim flows at one backend. No flow moves,\n"
	  "but every slot of every service is unsettled until its older flows have ended or been\n"
	  "idle, and each service needs room for a second table.\n",
	  0, 0, 0, cmd_rekey, false },
	{ "explain", "FLOW", "SOURCE DESTINATION", "say where a flow goes, and why",
	  "\n  evenkeel explain \"198.51.100.7:40000 > 203.0.113.10:443/tcp\"\n"
	  "  evenkeel explain 198.51.100.7:40000 203.0.113.10:443/tcp\n",
	  0, 1, 3, cmd_explain, false },
	{ "history", "[--events] [--limit N]", NULL, "list the revisions of the configuration",
	  "The newest ones first. With --events, what happened: starts, attachments and those undone\n"
	  "by themselves, confirmations, backends that left.\n",
	  OPTION_BIT(OPTION_EVENTS) | OPTION_BIT(OPTION_LIMIT), 0, 0, cmd_history, false },
	{ "show", "REVISION", NULL, "print a revision as a file that can be applied",
	  "With who proposed it, when and from where, in comments.\n", 0, 1, 1, cmd_show, false },
	{ "diff", "REVISION REVISION", NULL, "say what differs between two revisions", "", 0, 2, 2,
	  cmd_diff, false },
	{ "blame", "SERVICE BACKEND", NULL, "say which revision brought a backend as it is",
	  "Which revision, who and when.\n", 0, 2, 2, cmd_blame, false },
	{ "audit log", "", NULL, "print everything that was done, and by whom",
	  "With --json each event is one line.\n", 0, 0, 0, cmd_audit_log, false },
	{ "audit verify", "[FILE] [--head HEAD]", NULL,
	  "find what was changed in the log of what was done",
	  "Every event holds a hash over itself and the event before. Names events that were\n"
	  "changed, removed, inserted or cut off; exit status 1 then. Prints the head of the log:\n"
	  "kept elsewhere and given with --head, it shows a log that was made anew. FILE is what\n"
	  "`evenkeel audit log --json` printed.\n",
	  OPTION_BIT(OPTION_HEAD), 0, 1, cmd_audit_verify, false },
	{ "doctor", "", NULL, "look for what is wrong, and say what mends it",
	  "Exit status 1 if it finds an error.\n", 0, 0, 0, cmd_doctor, false },
	{ "drill", "[INCIDENT]", NULL, "practise on an incident, in a lab",
	  "Needs root, and no evenkeeld: makes network namespaces with servers, clients and a\n"
	  "balancer, opens a shell there, and soon somebody makes a mistake. Which one (1 to 5) is\n"
	  "up to chance, if it is not given. `exit` ends it, tells, and leaves nothing behind.\n",
	  0, 0, 1, cmd_drill, false },
	{ "version", "", NULL, "print the versions of evenkeel and evenkeeld", "", 0, 0, 0,
	  cmd_version, false },
	{ "help", "[COMMAND]", NULL, "print how to use a command, or all of them", "", 0, 0, 2,
	  cmd_help, false },
	{ "completion-words", "[WORD...]", NULL, "what may follow, for the shell's completion", "",
	  ~0ull, 0, CLI_ANY, cmd_completion_words, true },
};
const size_t cli_command_count = sizeof(cli_commands) / sizeof(cli_commands[0]);

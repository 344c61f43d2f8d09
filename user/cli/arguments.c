// SPDX-License-Identifier: GPL-2.0
/* From argv to a command with its options and arguments. */
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "lib/diag.h"
#include "lib/utf8.h"

const struct option_info cli_options[OPTIONS] = {
	[OPTION_HELP] = { "help", NULL, false, "print how to use the command" },
	[OPTION_JSON] = { "json", NULL, false, "print facts as JSON" },
	[OPTION_SOCKET] = { "socket", "PATH", false,
			    "control socket of evenkeeld (" EK_DEFAULT_SOCKET ")" },
	[OPTION_PINS] = { "pins", "DIR", false,
			  "bpffs folder of the data path (" EK_DEFAULT_PINS ")" },
	[OPTION_TIMEOUT] = { "timeout", "SECONDS", false,
			     "how long to wait for evenkeeld's answer (60; detach: 5)" },
	[OPTION_GENERIC] = { "generic", NULL, false,
			     "attach in generic mode: any driver, but slower" },
	[OPTION_YES] = { "yes", NULL, false, "do not wait for `evenkeel confirm`" },
	[OPTION_WATCH] = { "watch", "SECONDS", true,
			   "print again every second, or as given; apply: so long" },
	[OPTION_COUNT] = { "count", "N", false, "with --watch: end after N prints" },
	[OPTION_WEIGHT] = { "weight", "N", false, "0 to 65535; 100 is usual, 0: no new flows" },
	[OPTION_NEW_FLOWS] = { "new-flows", "N", false, "capacity: new flows per second, or none" },
	[OPTION_UDP_PACKETS] = { "udp-packets", "N", false,
				 "capacity: packets of plain UDP per second, or none" },
	[OPTION_LIMIT] = { "limit", "N", false, "at most N of them (20)" },
	[OPTION_EVENTS] = { "events", NULL, false, "list what happened, not the revisions" },
	[OPTION_SORT] = { "sort", "COLUMN", false,
			  "backend, state, expect, actual, skew, packets, bits or flows" },
	[OPTION_HEAD] = { "head", "HEAD", false,
			  "an event, as a verification before printed it: HASH or NUMBER:HASH" },
	[OPTION_AT_ONCE] = { "at-once", NULL, false, "move all slots in one step" },
	[OPTION_CONFIRM_WITHIN] = { "confirm-within", "TIME", false,
				    "roll back unless evenkeel confirm comes: 90s, 5m" },
	[OPTION_NO_WAIT] = { "no-wait", NULL, false,
			     "print the number of the change and do not wait for its end" },
	[OPTION_BASE] = { "base", "REVISION", false,
			  "refuse the file if another revision than this is in force" },
	[OPTION_ONCE] = { "once", NULL, false, "print one screen as text, and end" },
	[OPTION_BACKUP] = { "backup", "yes|no", false,
			    "a spare, used when too few of the others are up" },
	[OPTION_EXEC] = { "exec", "CMD", false, "what restarts a server, for the shell" },
	[OPTION_WITHIN] = { "within", "N", false,
			    "seconds that a server may take to be up again (300)" },
	[OPTION_UNCHECKED] = { "unchecked", NULL, false,
			       "also without health checks, or when flows fail meanwhile" },
	[OPTION_FROM] = { "from", "OLD", false, "compare with the file OLD, asking nobody" },
	[OPTION_REMOVE] = { "remove", "NAME,...", false,
			    "services or listeners that are meant to disappear" },
	[OPTION_STRICT] = { "strict", NULL, false, "fail on warnings too" },
	[OPTION_FORMAT] = { "format", "FORMAT", false, "text, json or sarif" },
	[OPTION_LIVE] = { "live", NULL, false, "ask evenkeeld what is in force, and who answers" },
	[OPTION_LOSE] = { "lose", "NAME,...", false, "backends that are to count as dead" },
	[OPTION_LOAD] = { "load", "TIMES", false, "times the traffic of now, as 1.5" },
	[OPTION_FORCE] = { "force", "GATE,...", false, "go on in spite of these gates" },
	[OPTION_REASON] = { "reason", "TEXT", false, "why, for the journal" },
	[OPTION_SIGNATURE] = { "signature", "FILE", false, "ssh-keygen's, over the content hash" },
};

int cli_error(const char *format, ...)
{
	va_list arguments;

	fputs("evenkeel: ", stderr);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	return EK_EXIT_REFUSED;
}

int cli_usage(const struct cli *cli, const char *format, ...)
{
	va_list arguments;
	const char *name = cli->command ? cli->command->name : NULL;

	fprintf(stderr, "evenkeel%s%s: ", name ? " " : "", name ? name : "");
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fprintf(stderr, "\nsee evenkeel %s%s--help\n", name ? name : "", name ? " " : "");
	return EK_EXIT_USAGE;
}

static bool option_fits(const struct command *command, int option)
{
	return !command || (command->options | OPTIONS_GLOBAL) & OPTION_BIT(option);
}

static int option_unknown(const struct cli *cli, const char *name)
{
	const char *names[OPTIONS], *near;
	size_t count = 0;

	for (int i = 0; i < OPTIONS; i++)
		if (option_fits(cli->command, i))
			names[count++] = cli_options[i].name;
	near = suggest(name, names, count);
	if (near)
		return cli_usage(cli, "no option --%s; did you mean --%s?", name, near);
	return cli_usage(cli, "no option --%s", name);
}

/* The command that the first words name, *used of them; NULL if they name none. */
static const struct command *command_named(const struct cli *cli, size_t *used)
{
	const struct command *command = NULL;
	char two[128];

	if (!cli->count)
		return NULL;
	*used = 2;
	snprintf(two, sizeof(two), "%s %s", cli->words[0], cli->count > 1 ? cli->words[1] : "");
	if (cli->count > 1)
		command = cli_command(two);
	/* "backend add" as one word is no command.
	 * NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): there is a first word */
	if (command || strchr(cli->words[0], ' '))
		return command;
	*used = 1;
	return cli_command(cli->words[0]);
}

static int option_find(const char *name, size_t length)
{
	for (int i = 0; i < OPTIONS; i++)
		if (strlen(cli_options[i].name) == length &&
		    !strncmp(cli_options[i].name, name, length))
			return i;
	return -1;
}

/* What --watch takes is optional where it says how often to print again, not where it says for how
 * long to watch a change. */
static bool takes_value(const struct cli *cli)
{
	return cli->command && cli->command->run == cmd_apply;
}

/* Takes the option at argv[*at], moving *at over a value that stands apart. */
static int option_take(struct cli *cli, int argc, char **argv, int *at)
{
	const char *name = argv[*at] + 2;
	const char *value = strchr(name, '=');
	size_t length = value ? (size_t)(value - name) : strlen(name);
	int option = option_find(name, length);
	const struct option_info *info;
	char shown[64];
	size_t used;

	cli->command = command_named(cli, &used); /* whose help a mistake points to */
	snprintf(shown, sizeof(shown), "%.*s", (int)(length < 60 ? length : 60), name);
	if (option < 0)
		return option_unknown(cli, shown);
	info = &cli_options[option];
	if (value && !info->value)
		return cli_usage(cli, "--%s takes no value", shown);
	if (cli->option[option])
		return cli_usage(cli, "--%s is given twice", shown);
	if (value)
		value++;
	else if (info->value && (!info->value_optional || takes_value(cli))) {
		if (*at + 1 >= argc)
			return cli_usage(cli, "--%s needs a value: --%s %s", shown, shown,
					 info->value);
		value = argv[++*at];
	}
	if (value && !*value)
		return cli_usage(cli, "--%s needs a value: --%s %s", shown, shown, info->value);
	cli->option[option] = value ? value : "";
	return 0;
}

/* The daemon is told arguments as JSON, which is UTF-8. */
static bool is_text(const char *word)
{
	size_t left = strlen(word), used;
	uint32_t code;

	for (; left; word += used, left -= used) {
		used = utf8_next(word, left, &code);
		if (!used)
			return false;
	}
	return true;
}

int cli_parse(struct cli *cli, int argc, char **argv)
{
	bool only_words = false;
	int status = 0;

	cli->words = calloc((size_t)argc + 1, sizeof(*cli->words));
	if (!cli->words)
		return cli_error("out of memory");
	for (int i = 1; i < argc && !status; i++) {
		const char *word = argv[i];

		if (!is_text(word))
			status = cli_usage(cli, "argument %d is not UTF-8 text", i);
		else if (only_words || word[0] != '-' || !word[1])
			cli->words[cli->count++] = word;
		else if (!strcmp(word, "--"))
			only_words = true;
		else if (!strcmp(word, "-h"))
			cli->option[OPTION_HELP] = "";
		else if (!strcmp(word, "--version"))
			cli->words[cli->count++] = "version";
		else if (word[1] == '-')
			status = option_take(cli, argc, argv, &i);
		else
			status = cli_usage(cli, "no option %s; options are written --name", word);
	}
	return status;
}

const struct command *cli_command(const char *name)
{
	for (size_t i = 0; i < cli_command_count; i++)
		if (!strcmp(cli_commands[i].name, name))
			return &cli_commands[i];
	return NULL;
}

bool cli_in_family(const struct command *command, const char *family)
{
	size_t length = strlen(family);

	return !strncmp(command->name, family, length) && command->name[length] == ' ';
}

static bool family_exists(const char *family)
{
	for (size_t i = 0; i < cli_command_count; i++)
		if (cli_in_family(&cli_commands[i], family))
			return true;
	return false;
}

/* The command that was meant, or NULL. A word alone may be meant for that of a family, which
 * the caller keeps in `first`. */
static const char *command_suggest(const char *typed, char first[static 64])
{
	const char *names[64];
	size_t count = 0;

	for (size_t i = 0; i < cli_command_count && count < 64; i++) {
		const char *name = cli_commands[i].name;
		size_t length = strcspn(name, " ");

		if (cli_commands[i].hidden)
			continue;
		names[count++] = name;
		snprintf(first, 64, "%.*s", (int)length, name);
		if (!strchr(typed, ' ') && name[length] &&
		    suggest(typed, &(const char *){ first }, 1))
			return first;
	}
	return suggest(typed, names, count);
}

static int command_unknown(const struct cli *cli)
{
	const char *first = cli->words[0], *near = NULL;
	char typed[128], family[64];

	snprintf(typed, sizeof(typed), "%s %s", first, cli->count > 1 ? cli->words[1] : "");
	if (family_exists(first) && cli->count == 1) {
		fprintf(stderr, "evenkeel %s: which of its commands?\n", first);
	} else {
		near = command_suggest(cli->count > 1 ? typed : first, family);
		if (!near && cli->count > 1)
			near = command_suggest(first, family);
		fprintf(stderr, "evenkeel: no command %s%s%s%s\n",
			family_exists(first) ? typed : first, near ? "; did you mean " : "",
			near ? near : "", near ? "?" : "");
	}
	fprintf(stderr, "see evenkeel %s%s--help\n", family_exists(first) ? first : "",
		family_exists(first) ? " " : "");
	return EK_EXIT_USAGE;
}

static int command_check(const struct cli *cli)
{
	const struct command *c = cli->command;

	for (int i = 0; i < OPTIONS; i++)
		if (cli->option[i] && !option_fits(c, i))
			return cli_usage(cli, "no option --%s here", cli_options[i].name);
	if (cli->count < c->min)
		return cli_usage(cli, "needs %s", c->synopsis);
	if (cli->count > c->max)
		return cli_usage(cli, "takes no argument \"%s\"", cli->words[c->max]);
	return 0;
}

int cli_find(struct cli *cli)
{
	size_t used;

	cli->command = command_named(cli, &used);
	if (!cli->command) {
		if (cli->option[OPTION_HELP] && family_exists(cli->words[0]) && cli->count == 1)
			return 0;
		return command_unknown(cli);
	}
	cli->words += used;
	cli->count -= used;
	return cli->option[OPTION_HELP] ? 0 : command_check(cli);
}

int cli_number(const struct cli *cli, enum cli_option option, uint32_t min, uint32_t max,
	       uint32_t fallback, uint32_t *out)
{
	const char *text = cli->option[option];
	char *end;
	unsigned long value;

	if (!text) {
		*out = fallback;
		return 0;
	}
	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno || *end || text[0] < '0' || text[0] > '9' || value < min || value > max)
		return cli_usage(cli, "--%s: \"%s\" is not a number from %u to %u",
				 cli_options[option].name, text, min, max);
	*out = (uint32_t)value;
	return 0;
}

int cli_seconds(const struct cli *cli, enum cli_option option, uint32_t *out)
{
	const char *text = cli->option[option];
	unsigned long value;
	char *end;
	bool bad;

	value = strtoul(text, &end, 10);
	bad = text[0] < '0' || text[0] > '9' || strlen(text) > 8;
	if (!strcmp(end, "m"))
		value *= 60;
	else if (!strcmp(end, "h"))
		value *= 3600;
	else if (*end && strcmp(end, "s") != 0)
		bad = true;
	if (bad || value > 86400)
		return cli_usage(cli,
				 "--%s: \"%s\" is not a time of at most a day: 90, 60s, 5m, 1h",
				 cli_options[option].name, text);
	*out = (uint32_t)value;
	return 0;
}

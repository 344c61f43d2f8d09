// SPDX-License-Identifier: GPL-2.0
/* top: the status again and again, sorted, on a terminal; or one screen of it as text. */
#include <curses.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/client.h"
#include "cli/top.h"
#include "lib/cleanup.h"

#define REFRESH_MS 1000
/* A daemon with 100,000 backends needs seconds to answer: it is to do something else, too. */
#define ANSWER_SHARE 4
#define LINES_ABOVE 4 /* head, traffic, trouble, titles */
#define ONCE_WIDTH 80
/* No key before its time, so often in a row: the terminal is gone. */
#define EARLY_MAX 100

struct screen {
	struct cli *cli;
	json_t *now, *before; /* owned */
	double seconds;       /* between them */
	int64_t asked_ms, next_ms;
	char trouble[256]; /* why there is nothing newer, or the daemon's own trouble */
	enum top_column by;
	bool reverse;
	size_t first; /* row on top */
};

static volatile sig_atomic_t interrupted;

static void interrupt(int number)
{
	interrupted = 1;
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Asks for the status; what fails is said on the screen, and tried again. */
static int ask(struct screen *s)
{
	_cleanup_(answer_release) struct answer answer = {};
	int64_t begin = now_ms();
	int err = client_call(s->cli, "status", json_object(), &answer);
	int64_t end = now_ms();

	s->next_ms = begin + REFRESH_MS;
	if (s->next_ms < end + ANSWER_SHARE * (end - begin))
		s->next_ms = end + ANSWER_SHARE * (end - begin);
	if (err || answer.exit) {
		snprintf(s->trouble, sizeof(s->trouble), "%s; what is shown is old",
			 client_absent(err) ? "no evenkeeld answers"
			 : err              ? strerror(-err)
					    : "evenkeeld refuses");
		return err ?: -EPROTO;
	}
	json_decref(s->before);
	s->before = s->now;
	s->now = take_ptr(answer.result);
	s->seconds = (double)(end - s->asked_ms) / 1000;
	s->asked_ms = end;
	snprintf(s->trouble, sizeof(s->trouble), "%s", fact_text(s->now, "trouble"));
	return 0;
}

static void screen_release(struct screen *s)
{
	json_decref(s->now);
	json_decref(s->before);
}

/* ---- on a terminal --------------------------------------------------------------------------- */

static void line_put(int y, const char *text, chtype attributes)
{
	attrset(attributes);
	mvaddnstr(y, 0, text, COLS);
	clrtoeol();
	attrset(A_NORMAL);
}

static void rows_draw(struct screen *s, const struct top *t)
{
	size_t room = LINES > LINES_ABOVE + 1 ? (size_t)(LINES - LINES_ABOVE - 1) : 0;
	char line[TOP_WIDTH_MAX + 1];

	if (s->first + room > t->count)
		s->first = t->count > room ? t->count - room : 0;
	for (size_t i = 0; i < room; i++) {
		const struct top_row *row = s->first + i < t->count ? &t->rows[s->first + i] : NULL;
		bool up = row && strcmp(row->state, "up") == 0;

		line_put(LINES_ABOVE + (int)i, row ? top_line(row, (size_t)COLS, line) : "",
			 row && !up ? A_BOLD : A_NORMAL);
	}
}

static void draw(struct screen *s)
{
	_cleanup_(top_release) struct top t = {};
	char line[TOP_WIDTH_MAX + 1];

	if (top_make(&t, s->now, s->before, s->seconds))
		return;
	top_sort(&t, s->by, s->reverse);
	line_put(0, top_head(&t, (size_t)COLS, line), A_NORMAL);
	line_put(1, top_traffic(&t, (size_t)COLS, line), A_NORMAL);
	line_put(2, s->trouble, A_BOLD);
	line_put(3, top_titles((size_t)COLS, s->by, line), A_REVERSE);
	rows_draw(s, &t);
	line_put(LINES - 1, "q quit   < > sort by   r reverse   arrows, page keys scroll", A_DIM);
	refresh();
}

/* False: it is over. */
static bool key_take(struct screen *s, int key)
{
	size_t page = LINES > LINES_ABOVE + 2 ? (size_t)(LINES - LINES_ABOVE - 2) : 1;

	switch (key) {
	case 'q':
		return false;
	case 'r':
		s->reverse = !s->reverse;
		break;
	case '<':
	case KEY_LEFT:
		s->by = s->by ? s->by - 1 : TOP_COLUMNS - 1;
		break;
	case '>':
	case KEY_RIGHT:
		s->by = (s->by + 1) % TOP_COLUMNS;
		break;
	case KEY_UP:
		s->first -= s->first > 0;
		break;
	case KEY_DOWN:
		s->first++; /* drawing keeps it within the rows */
		break;
	case KEY_PPAGE:
		s->first -= s->first < page ? s->first : page;
		break;
	case KEY_NPAGE:
		s->first += page;
		break;
	case KEY_HOME:
		s->first = 0;
		break;
	case KEY_RESIZE:
		clear();
		break;
	default:
		break;
	}
	return true;
}

static void watch(struct screen *s)
{
	unsigned int early = 0;
	bool on = true;

	while (on && !interrupted && early < EARLY_MAX) {
		int64_t left = s->next_ms - now_ms();
		int key;

		draw(s);
		timeout(left > 0 ? (int)left : 0);
		key = getch();
		on = key_take(s, key);
		early = key == ERR && now_ms() < s->next_ms ? early + 1 : 0;
		if (now_ms() >= s->next_ms)
			ask(s);
	}
}

static int on_terminal(struct screen *s)
{
	struct sigaction action = { .sa_handler = interrupt };
	SCREEN *terminal;

	/* Before ncurses looks: it would end the process in its own handlers. */
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	terminal = newterm(NULL, stdout, stdin);
	if (!terminal)
		return cli_error("the terminal \"%s\" is not known here: set TERM, or use --once",
				 getenv("TERM") ? getenv("TERM") : "");
	cbreak();
	noecho();
	keypad(stdscr, TRUE);
	curs_set(0);
	watch(s);
	endwin();
	delscreen(terminal);
	return EK_EXIT_DONE;
}

/* ---- as text --------------------------------------------------------------------------------- */

static size_t text_width(void)
{
	const char *columns = getenv("COLUMNS");
	long width = columns ? strtol(columns, NULL, 10) : 0;

	return width >= TOP_WIDTH_MIN && width <= TOP_WIDTH_MAX ? (size_t)width : ONCE_WIDTH;
}

/* A second apart, for there are no rates without two. */
static int once(struct screen *s)
{
	struct timespec second = { .tv_sec = REFRESH_MS / 1000 };
	_cleanup_(top_release) struct top t = {};
	char line[TOP_WIDTH_MAX + 1];
	size_t width = text_width();
	int err;

	nanosleep(&second, NULL);
	err = ask(s);
	if (err)
		return client_complain(s->cli, err);
	if (top_make(&t, s->now, s->before, s->seconds))
		return cli_error("out of memory");
	top_sort(&t, s->by, s->reverse);
	puts(top_head(&t, width, line));
	puts(top_traffic(&t, width, line));
	if (s->trouble[0])
		puts(s->trouble);
	puts(top_titles(width, s->by, line));
	for (size_t i = 0; i < t.count; i++)
		puts(top_line(&t.rows[i], width, line));
	return EK_EXIT_DONE;
}

int cmd_top(struct cli *cli)
{
	_cleanup_(screen_release) struct screen s = { .cli = cli, .by = TOP_PACKETS };
	const char *by = cli->option[OPTION_SORT];
	bool text = cli->option[OPTION_ONCE];
	int err;

	if (by && top_column_parse(&s.by, by))
		return cli_usage(cli, "--sort %s: there is no such column; it is one of %s", by,
				 TOP_COLUMN_NAMES);
	if (cli_json(cli))
		return cli_usage(cli, "for people; as JSON the same is in evenkeel status --json");
	if (!text && (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)))
		return cli_usage(cli, "this is no terminal: use --once, or evenkeel status");
	err = ask(&s);
	if (err)
		return client_complain(cli, err);
	return text ? once(&s) : on_terminal(&s);
}

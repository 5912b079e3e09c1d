// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "screen.h"

#define ENTER	"\033[?1049h\033[?25l\033[2J"	/* alternate screen, no cursor, clear */
#define LEAVE	"\033[?25h\033[?1049l"
#define INVERSE	"\033[7m"
#define PLAIN	"\033[0m"

static struct termios before;
static bool is_open;
static sigset_t mask_waiting;	/* signals come only while we wait for a key */
static volatile sig_atomic_t size_changed, stop_wanted, end_signal;

static const int signals[] = { SIGWINCH, SIGTSTP, SIGINT, SIGTERM, SIGHUP, SIGQUIT };

bool screen_possible(void)
{
	const char *term = getenv("TERM");

	return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && term && *term &&
	       strcmp(term, "dumb");
}

static void on_signal(int signal)
{
	if (signal == SIGWINCH)
		size_changed = 1;
	else if (signal == SIGTSTP)
		stop_wanted = 1;
	else
		end_signal = signal;
}

static void catch_signals(void)
{
	struct sigaction action = { .sa_handler = on_signal };
	sigset_t mask;

	/* None of these can fail: the signals exist. */
	sigemptyset(&mask);
	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		sigaddset(&mask, signals[i]);
		sigaction(signals[i], &action, NULL);
	}
	sigprocmask(SIG_BLOCK, &mask, &mask_waiting);
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		sigdelset(&mask_waiting, signals[i]);
}

/* False where the terminal is gone. */
static bool write_all(const char *text, size_t size)
{
	while (size) {
		ssize_t n = write(STDOUT_FILENO, text, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		text += n;
		size -= (size_t)n;
	}
	return true;
}

static void enter(void)
{
	struct termios raw = before;

	raw.c_lflag &= (tcflag_t)~(ICANON | ECHO);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	/* Where these fail the terminal is gone, as the next read will show. */
	tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
	write_all(ENTER, sizeof(ENTER) - 1);
}

static void leave(void)
{
	write_all(LEAVE, sizeof(LEAVE) - 1);
	tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
}

void screen_open(void)
{
	if (tcgetattr(STDIN_FILENO, &before))
		die(EXIT_CANNOT, "the terminal: %s", strerror(errno));
	catch_signals();
	is_open = true;
	atexit(screen_close);	/* for die(), too; where this fails, so be it */
	enter();
}

void screen_close(void)
{
	if (is_open)
		leave();
	is_open = false;
}

void screen_size(size_t *width, size_t *height)
{
	struct winsize size;

	*width = 80;
	*height = 24;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) || !size.ws_col || !size.ws_row)
		return;
	*width = size.ws_col;
	*height = size.ws_row;
}

bool screen_show(const char *text, size_t header_line)
{
	struct string out = { };
	size_t width, height;
	bool shown;

	screen_size(&width, &height);
	for (size_t line = 0; line < height && *text; line++) {
		size_t length = strcspn(text, "\n");

		/* Behind its last column a terminal may wrap: clear first. */
		string_add(&out, "\033[%zu;1H%s\033[K", line + 1,
			   line == header_line ? INVERSE : "");
		string_add_bytes(&out, text, length < width ? length : width);
		for (size_t i = length; line == header_line && i < width; i++)
			string_add(&out, " ");
		string_add(&out, "%s", line == header_line ? PLAIN : "");
		text += length + (text[length] == '\n');
		if (!*text && line + 1 < height)
			string_add(&out, "\033[%zu;1H\033[J", line + 2);
	}
	shown = write_all(out.text, out.length);
	string_free(&out);
	return shown;
}

/* Leave the terminal to the shell until we are continued. */
static void stop_here(void)
{
	stop_wanted = 0;
	leave();
	raise(SIGSTOP);
	enter();
}

static int read_key(void)
{
	unsigned char key;
	ssize_t n = read(STDIN_FILENO, &key, 1);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return KEY_NONE;
	return n == 1 ? key : KEY_END;
}

int screen_key(u64 ms)
{
	struct timespec timeout = { (time_t)(ms / 1000), (long)(ms % 1000) * 1000000 };
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
	int n = ppoll(&input, 1, &timeout, &mask_waiting);

	if (end_signal)
		return KEY_END;
	if (stop_wanted) {
		stop_here();
		return KEY_REDRAW;
	}
	if (size_changed) {
		size_changed = 0;
		return KEY_REDRAW;
	}
	return n > 0 ? read_key() : KEY_NONE;
}

int screen_signal(void)
{
	return end_signal;
}

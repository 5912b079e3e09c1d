// SPDX-License-Identifier: GPL-2.0-only
/*
 * pty ROWSxCOLUMNS STEP... -- PROGRAM [ARG]...
 *
 * Runs PROGRAM at a terminal that this program is, and that knows only the
 * control sequences of a screen: whatever else is sent is a failure, and so is a
 * line that is longer than the terminal is wide. Steps:
 *   wait=TEXT      until the screen shows TEXT
 *   gone=TEXT      until it does not
 *   key=C          type C
 *   size=RxC       the terminal becomes this large
 *   signal=N       send signal N
 *   stopped        until PROGRAM has stopped itself
 *   end=STATUS     until PROGRAM has ended so (128 + the signal that ended it)
 * KTAP, a result for each step and one for the terminal being left as it was.
 * With -v the last screen is shown.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "util.h"

#define SIDE_MAX	300
#define WAIT_S		60
/* Pages that were under way when the size changed are of the old one. */
#define NR_OLD_PAGES	3

static struct {
	unsigned int nr_rows, nr_columns, row, column;
	char cells[SIDE_MAX][SIDE_MAX + 1];
	bool alternate, cursor_hidden, inverse;
	unsigned int nr_pages;		/* begun since the size changed */
	char wrong[128];		/* the first thing that was wrong */
	char sequence[32];		/* begun, and not ended yet */
	size_t sequence_length;
} screen;

static int master;
static pid_t child;
static bool ended;
static int end_status;

static void __attribute__((format(printf, 1, 2))) complain(const char *fmt, ...)
{
	va_list args;

	if (screen.wrong[0])
		return;
	va_start(args, fmt);
	vsnprintf(screen.wrong, sizeof(screen.wrong), fmt, args);
	va_end(args);
}

/* --- what the terminal understands */

static void clear_from(unsigned int row, unsigned int column)
{
	memset(screen.cells[row] + column, ' ', screen.nr_columns - column);
	screen.cells[row][screen.nr_columns] = '\0';
}

static void clear_below(unsigned int row, unsigned int column)
{
	clear_from(row, column);
	while (++row < screen.nr_rows)
		clear_from(row, 0);
}

static void set_size(unsigned int nr_rows, unsigned int nr_columns)
{
	struct winsize size = {
		.ws_row = (unsigned short)nr_rows, .ws_col = (unsigned short)nr_columns,
	};

	screen.nr_rows = nr_rows;
	screen.nr_columns = nr_columns;
	screen.nr_pages = 0;
	screen.row = 0;
	screen.column = 0;
	clear_below(0, 0);
	if (ioctl(master, TIOCSWINSZ, &size))
		die(EXIT_CANNOT, "TIOCSWINSZ: %s", strerror(errno));
}

static void move_to(unsigned int row, unsigned int column)
{
	screen.nr_pages += row == 1 && column == 1;
	screen.row = row && row <= screen.nr_rows ? row - 1 : screen.nr_rows - 1;
	screen.column = column && column <= screen.nr_columns ? column - 1 : 0;
}

static void do_sequence(const char *sequence)
{
	unsigned int row, column;
	char end;

	if (sscanf(sequence, "[%u;%u%c", &row, &column, &end) == 3 && end == 'H')
		move_to(row, column);
	else if (!strcmp(sequence, "[K"))
		clear_from(screen.row, screen.column);
	else if (!strcmp(sequence, "[J"))
		clear_below(screen.row, screen.column);
	else if (!strcmp(sequence, "[2J"))
		clear_below(0, 0);
	else if (!strcmp(sequence, "[?1049h"))
		screen.alternate = true;
	else if (!strcmp(sequence, "[?1049l"))
		screen.alternate = false;
	else if (!strcmp(sequence, "[?25l"))
		screen.cursor_hidden = true;
	else if (!strcmp(sequence, "[?25h"))
		screen.cursor_hidden = false;
	else if (!strcmp(sequence, "[7m"))
		screen.inverse = true;
	else if (!strcmp(sequence, "[0m"))
		screen.inverse = false;
	else
		complain("unknown sequence ESC %s", sequence);
}

static void take_byte(char c)
{
	if (screen.sequence_length) {
		if (screen.sequence_length + 1 < sizeof(screen.sequence))
			screen.sequence[screen.sequence_length++ - 1] = c;
		screen.sequence[screen.sequence_length - 1] = '\0';
		if ((c < '@' || c > '~') || (c == '[' && screen.sequence_length == 2))
			return;
		do_sequence(screen.sequence);
		screen.sequence_length = 0;
	} else if (c == '\033') {
		screen.sequence_length = 1;
	} else if (c == '\r') {
		screen.column = 0;
	} else if (c == '\n') {
		screen.row += screen.row + 1 < screen.nr_rows;
	} else if (c < ' ' || c > '~') {
		complain("byte %#x on the screen", (unsigned char)c);
	} else if (screen.column >= screen.nr_columns) {
		if (screen.nr_pages > NR_OLD_PAGES)
			complain("a line is longer than %u", screen.nr_columns);
	} else {
		screen.cells[screen.row][screen.column++] = c;
	}
}

/* Take what comes within @ms. */
static void listen_for(int ms)
{
	struct pollfd fd = { .fd = master, .events = POLLIN };
	char buffer[4096];
	ssize_t n;

	if (poll(&fd, 1, ms) <= 0)
		return;
	n = read(master, buffer, sizeof(buffer));
	for (ssize_t i = 0; i < n; i++)
		take_byte(buffer[i]);
	if (n <= 0)		/* nobody has the terminal open any more */
		usleep(1000);
}

/* --- steps */

static bool shows(const char *text)
{
	for (unsigned int row = 0; row < screen.nr_rows; row++)
		if (strstr(screen.cells[row], text))
			return true;
	return false;
}

static bool has_stopped(const char *text)
{
	siginfo_t info = { };

	(void)text;
	return !waitid(P_PID, (id_t)child, &info, WSTOPPED | WNOHANG | WNOWAIT) && info.si_pid;
}

static bool has_gone(const char *text)
{
	return !shows(text);
}

static bool has_ended(const char *text)
{
	int status;

	if (!ended && waitpid(child, &status, WNOHANG) == child) {
		ended = true;
		end_status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	}
	return ended && end_status == atoi(text);
}

static bool wait_until(bool (*done)(const char *), const char *text)
{
	time_t until = time(NULL) + WAIT_S;

	while (!done(text)) {
		if (screen.wrong[0] || time(NULL) > until)
			return false;
		listen_for(20);
	}
	return true;
}

static bool do_step(const char *step)
{
	const char *value = strchr(step, '=') ? strchr(step, '=') + 1 : "";
	unsigned int nr_rows, nr_columns;

	if (!strncmp(step, "wait=", 5))
		return wait_until(shows, value);
	if (!strncmp(step, "gone=", 5))
		return wait_until(has_gone, value);
	if (!strncmp(step, "key=", 4))
		return write(master, value, 1) == 1;
	if (!strncmp(step, "signal=", 7))
		return !kill(child, atoi(value));
	if (!strcmp(step, "stopped"))
		return wait_until(has_stopped, value);
	if (!strncmp(step, "end=", 4))
		return wait_until(has_ended, value);
	if (sscanf(step, "size=%ux%u", &nr_rows, &nr_columns) != 2 || !nr_rows ||
	    nr_rows > SIDE_MAX || !nr_columns || nr_columns > SIDE_MAX)
		die(EXIT_USAGE, "no step '%s'", step);
	set_size(nr_rows, nr_columns);
	return true;
}

static void start(char **argv)
{
	struct winsize size = {
		.ws_row = (unsigned short)screen.nr_rows,
		.ws_col = (unsigned short)screen.nr_columns,
	};

	child = forkpty(&master, NULL, NULL, &size);
	if (child < 0)
		die(EXIT_CANNOT, "forkpty: %s", strerror(errno));
	if (child)
		return;
	setenv("TERM", "xterm", 1);
	execv(argv[0], argv);
	die(EXIT_CANNOT, "%s: %s", argv[0], strerror(errno));
}

/* The program's end of the terminal, which we hold open for it. */
static bool is_as_before(int slave, const struct termios *before)
{
	struct termios after;

	listen_for(0);
	return !tcgetattr(slave, &after) && after.c_lflag == before->c_lflag &&
	       after.c_iflag == before->c_iflag && after.c_oflag == before->c_oflag &&
	       !screen.alternate && !screen.cursor_hidden && !screen.inverse;
}

static unsigned int report(unsigned int number, bool passed, const char *name)
{
	printf("%sok %u - %s\n", passed ? "" : "not ", number, name);
	if (!passed && screen.wrong[0])
		printf("# %s\n", screen.wrong);
	return !passed;
}

static void show_screen(void)
{
	for (unsigned int row = 0; row < screen.nr_rows; row++)
		printf("# |%s|\n", screen.cells[row]);
}

int main(int argc, char **argv)
{
	struct termios before;
	unsigned int nr_steps = 0, nr_failed = 0;
	bool verbose = argc > 1 && !strcmp(argv[1], "-v");
	int slave;

	argv += verbose;
	argc -= verbose;
	if (argc < 4 || sscanf(argv[1], "%ux%u", &screen.nr_rows, &screen.nr_columns) != 2 ||
	    screen.nr_rows > SIDE_MAX || screen.nr_columns > SIDE_MAX)
		die(EXIT_USAGE, "usage: pty [-v] ROWSxCOLUMNS STEP... -- PROGRAM [ARG]...");
	argv += 2;
	while (argv[nr_steps] && strcmp(argv[nr_steps], "--"))
		nr_steps++;
	if (!argv[nr_steps] || !argv[nr_steps + 1])
		die(EXIT_USAGE, "no program");
	clear_below(0, 0);
	screen.nr_pages = NR_OLD_PAGES + 1;
	/* Of a new terminal, before the program has touched it. */
	if (openpty(&master, &slave, NULL, NULL, NULL) || tcgetattr(slave, &before))
		die(EXIT_CANNOT, "openpty: %s", strerror(errno));
	close(master);
	close(slave);
	start(argv + nr_steps + 1);
	slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0)
		die(EXIT_CANNOT, "%s: %s", ptsname(master), strerror(errno));
	printf("KTAP version 1\n1..%u\n", nr_steps + 1);
	for (unsigned int i = 0; i < nr_steps; i++)
		nr_failed += report(i + 1, do_step(argv[i]), argv[i]);
	nr_failed += report(nr_steps + 1, is_as_before(slave, &before) && !screen.wrong[0],
			    "the terminal is as it was");
	if (verbose || nr_failed)
		show_screen();
	if (!ended)
		kill(child, SIGKILL);
	return nr_failed ? EXIT_FAILED : EXIT_OK;
}

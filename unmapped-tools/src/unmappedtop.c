// SPDX-License-Identifier: GPL-2.0-only
/*
 * unmappedtop: what becomes of unmapped and secret memory, on a live screen, as
 * lines, or as key=value.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "kfile.h"
#include "map_main.h"
#include "options.h"
#include "report.h"
#include "screen.h"
#include "view.h"

#define LINES_A_HEADER	20	/* where nobody says how high the output is */
#define TWO_COLUMNS_WIDTH	104
#define DELAY_MAX_MS	(7 * 24 * 3600 * 1000UL)

enum output { OUTPUT_SCREEN, OUTPUT_LOG, OUTPUT_ONCE, OUTPUT_KV, OUTPUT_CHECK };

static const char usage[] =
	"usage: unmappedtop [-ltw1] [--kv] [-n N] [-d SECONDS] [-s ORDER] [-S UNIT]\n"
	"       unmappedtop map [OPTION]...    (unmappedtop map --help)\n"
	"       unmappedtop --check\n"
	"\n"
	"Shows memory that is absent from the kernel's direct map, and who holds it.\n"
	"At a terminal on a screen of its own, else one line for each update.\n"
	"  -1, --once           print the screen once, as text\n"
	"      --kv             print lines of key=value\n"
	"  -l, --log            print one line for each update\n"
	"  -n, --updates N      end after N updates\n"
	"  -d, --delay SECONDS  between updates (3); fractions are understood\n"
	"  -t, --timestamp      with date and time\n"
	"  -w, --wide           leave out nothing: wide columns, counters that are 0\n"
	"  -s, --sort ORDER     holders by resident (default), mapped, files, pid, name\n"
	"  -S, --unit UNIT      amounts in k (1000), K (1024, default), m (1000000) or\n"
	"                       M (1048576) bytes; --kv is in kB of 1024 always\n"
	"      --check          does Debian have a newer kernel than the one that runs?\n"
	"      --root DIR       read DIR/proc and DIR/sys, a recording\n"
	"  -h, --help\n"
	"  -V, --version\n"
	"\n"
	"Keys: q ends; space updates; r, m, f, p, n sort the holders by resident,\n"
	"mapped, files, pid, name.\n"
	"\n"
	"Columns of a line:\n";

static const char exit_codes[] =
	"\nExit codes: 0 done, 1 --check found a newer kernel, 2 wrong use, 4 nothing to\n"
	"be shown here, or --check cannot tell.\n";

struct job {
	struct options opt;
	enum output output;
	bool has_output, has_updates;
};

static void print_help(void)
{
	struct string columns = { };

	report_help(&columns);
	printf("%s%s%s", usage, columns.text, exit_codes);
	string_free(&columns);
}

static enum holder_order parse_order(const char *name)
{
	for (unsigned int i = 0; i < NR_ORDERS; i++)
		if (!strcmp(name, holder_order_names[i]) ||
		    (name[0] == holder_order_names[i][0] && !name[1]))
			return (enum holder_order)i;
	die(EXIT_USAGE, "no order '%s': resident, mapped, files, pid or name", name);
}

static u64 parse_delay(const char *text)
{
	char *end;
	double seconds;

	errno = 0;
	seconds = strtod(text, &end);
	/* The comparison is false for what is not a number. */
	if (errno || end == text || *end ||
	    !(seconds >= 0.1 && seconds <= DELAY_MAX_MS / 1000.0))
		die(EXIT_USAGE, "the delay is 0.1 to %lu seconds, not '%s'",
		    DELAY_MAX_MS / 1000, text);
	return (u64)(seconds * 1000);
}

static void set_output(struct job *job, enum output output)
{
	if (job->has_output && job->output != output)
		die(EXIT_USAGE, "only one of --once, --kv, --log and --check");
	job->has_output = true;
	job->output = output;
}

static void parse_option(struct job *job, int c)
{
	struct options *opt = &job->opt;

	switch (c) {
	case '1':
		set_output(job, OUTPUT_ONCE);
		break;
	case 'k':
		set_output(job, OUTPUT_KV);
		break;
	case 'l':
		set_output(job, OUTPUT_LOG);
		break;
	case 'C':
		set_output(job, OUTPUT_CHECK);
		break;
	case 'n':
		if (!parse_whole_number(optarg, 1, INT32_MAX, &opt->nr_updates))
			die(EXIT_USAGE, "-n needs a number of updates, not '%s'", optarg);
		job->has_updates = true;
		break;
	case 'd':
		opt->delay_ms = parse_delay(optarg);
		break;
	case 't':
		opt->timestamp = true;
		break;
	case 'w':
		opt->wide = true;
		break;
	case 's':
		opt->order = parse_order(optarg);
		break;
	case 'S':
		if (!optarg[0] || optarg[1] || !unit_bytes(optarg[0]))
			die(EXIT_USAGE, "the unit is k, K, m or M, not '%s'", optarg);
		opt->unit = optarg[0];
		break;
	case 'R':
		kfile_set_root(optarg);
		break;
	case 'h':
		print_help();
		exit(EXIT_OK);
	case 'V':
		printf("unmappedtop %s\n", TOOLS_VERSION);
		exit(EXIT_OK);
	default:
		/* getopt_long() has said what is wrong. */
		exit(EXIT_USAGE);
	}
}

static struct job parse_options(int argc, char **argv)
{
	static const struct option table[] = {
		{ "once", no_argument, NULL, '1' },
		{ "kv", no_argument, NULL, 'k' },
		{ "log", no_argument, NULL, 'l' },
		{ "updates", required_argument, NULL, 'n' },
		{ "delay", required_argument, NULL, 'd' },
		{ "timestamp", no_argument, NULL, 't' },
		{ "wide", no_argument, NULL, 'w' },
		{ "sort", required_argument, NULL, 's' },
		{ "unit", required_argument, NULL, 'S' },
		{ "check", no_argument, NULL, 'C' },
		{ "root", required_argument, NULL, 'R' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ }
	};
	struct job job = {
		.opt = { .delay_ms = 3000, .unit = 'K', .order = ORDER_RESIDENT },
	};
	int c;

	while ((c = getopt_long(argc, argv, "1ln:d:tws:S:hV", table, NULL)) != -1)
		parse_option(&job, c);
	if (optind != argc)
		die(EXIT_USAGE, "no argument '%s' is expected; see unmappedtop --help",
		    argv[optind]);
	if (!job.has_output)
		job.output = screen_possible() ? OUTPUT_SCREEN : OUTPUT_LOG;
	if (!job.has_updates && job.output >= OUTPUT_ONCE)
		job.opt.nr_updates = 1;
	return job;
}

static void print(struct string *out)
{
	if (fputs(out->text, stdout) == EOF || fflush(stdout))
		die(EXIT_CANNOT, "cannot write: %s", strerror(errno));
	string_free(out);
}

static void print_update(const struct job *job, struct snapshot *now,
			 const struct snapshot *before, u64 index)
{
	struct string out = { };
	struct view view;

	switch (job->output) {
	case OUTPUT_KV:
		report_kv(&out, now, &job->opt);
		break;
	case OUTPUT_ONCE:
		view_build(&view, now, before, &job->opt);
		string_add_bytes(&out, view.text.text, view.text.length);
		view_free(&view);
		break;
	default:
		if (!(index % LINES_A_HEADER))
			report_header(&out, &job->opt);
		report_line(&out, now, before, &job->opt);
	}
	print(&out);
}

static void sleep_ms(u64 ms)
{
	struct timespec rest = { (time_t)(ms / 1000), (long)(ms % 1000) * 1000000 };

	while (nanosleep(&rest, &rest) && errno == EINTR)
		;
}

static void run_lines(const struct job *job)
{
	struct snapshot now, before = { };
	u64 nr = job->opt.nr_updates;

	for (u64 i = 0; !nr || i < nr; i++) {
		if (i)
			sleep_ms(job->opt.delay_ms);
		snapshot_take(&now);
		print_update(job, &now, i ? &before : NULL, i);
		snapshot_free(&before);
		before = now;
	}
	snapshot_free(&before);
}

/* Show @now until the next update is due; false at the end. */
static bool show_until(struct job *job, struct snapshot *now, const struct snapshot *before,
		       u64 due_ns)
{
	struct options opt = job->opt;
	size_t width, height;
	struct view view;
	bool shown;
	int key;

	for (;;) {
		struct timespec ts;
		u64 time_ns;

		screen_size(&width, &height);
		opt.order = job->opt.order;
		opt.two_columns = width >= TWO_COLUMNS_WIDTH;
		view_build(&view, now, before, &opt);
		shown = screen_show(view.text.text, view.header_line);
		view_free(&view);
		clock_gettime(CLOCK_MONOTONIC, &ts);	/* cannot fail */
		time_ns = (u64)ts.tv_sec * 1000000000 + (u64)ts.tv_nsec;
		key = screen_key(time_ns < due_ns ? (due_ns - time_ns) / 1000000 + 1 : 0);
		if (!shown || key == KEY_END || key == 'q' || key == 'Q')
			return false;
		if (key == ' ' || (key == KEY_NONE && time_ns >= due_ns))
			return true;
		for (unsigned int i = 0; i < NR_ORDERS; i++)
			if (key == holder_order_names[i][0])
				job->opt.order = (enum holder_order)i;
	}
}

static void run_screen(struct job *job)
{
	struct snapshot now, before = { };
	u64 nr = job->opt.nr_updates;
	bool go_on = true;

	screen_open();
	for (u64 i = 0; go_on && (!nr || i < nr); i++) {
		snapshot_take(&now);
		go_on = show_until(job, &now, i ? &before : NULL,
				   now.when_ns + job->opt.delay_ms * 1000000);
		snapshot_free(&before);
		before = now;
	}
	snapshot_free(&before);
	screen_close();
	/* Whoever sent a signal shall see that it ended us, as if it was not caught. */
	if (screen_signal()) {
		sigset_t none;

		signal(screen_signal(), SIG_DFL);
		sigemptyset(&none);
		raise(screen_signal());
		sigprocmask(SIG_SETMASK, &none, NULL);
	}
}

int main(int argc, char **argv)
{
	struct job job;

	if (argc > 1 && !strcmp(argv[1], "map"))
		return map_main(argc - 1, argv + 1);
	job = parse_options(argc, argv);
	if (job.output == OUTPUT_CHECK)
		return check_kernel();
	if (job.output == OUTPUT_SCREEN)
		run_screen(&job);
	else
		run_lines(&job);
	return EXIT_OK;
}

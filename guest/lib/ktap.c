// SPDX-License-Identifier: GPL-2.0-only
/*
 * Results of a test program in KTAP. One process of a program reports.
 */
#include <stdarg.h>
#include <stdio.h>

#include "ktap.h"
#include "util.h"

static int nr_planned;
static int nr_reported;
static int nr_failed;

static void print_result(const char *verdict, const char *fmt, va_list args)
{
	printf("%s %d - ", verdict, ++nr_reported);
	vprintf(fmt, args);
}

void ktap_plan(int nr_tests)
{
	nr_planned = nr_tests;
	printf("KTAP version 1\n1..%d\n", nr_tests);
	fflush(stdout);
}

bool ktap_ok(bool passed, const char *fmt, ...)
{
	va_list args;

	if (!passed)
		nr_failed++;
	va_start(args, fmt);
	print_result(passed ? "ok" : "not ok", fmt, args);
	va_end(args);
	putchar('\n');
	fflush(stdout);
	return passed;
}

void ktap_skip(const char *reason, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	print_result("ok", fmt, args);
	va_end(args);
	printf(" # SKIP %s\n", reason);
	fflush(stdout);
}

void ktap_note(const char *fmt, ...)
{
	va_list args;

	fputs("# ", stdout);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	putchar('\n');
	fflush(stdout);
}

int ktap_finish(void)
{
	if (nr_reported != nr_planned) {
		ktap_note("%d results of %d planned", nr_reported, nr_planned);
		return EXIT_FAILED;
	}
	return nr_failed ? EXIT_FAILED : EXIT_PASSED;
}

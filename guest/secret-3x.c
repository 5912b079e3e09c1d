// SPDX-License-Identifier: GPL-2.0-only
/*
 * Take 64 MiB of secrets three times over and print by how much that split the
 * direct map. A split is for good: 6.12 never joins 4 KiB entries again.
 *
 * --max-growth-kb N makes it a test: more than N kB fails.
 */
#define _GNU_SOURCE
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "area.h"
#include "kstat.h"
#include "ktap.h"
#include "mark.h"

#define SIZE		(64 * MIB)
#define NR_TIMES	3

static const char usage[] =
	"usage: secret-3x [--max-growth-kb N]\n"
	"  --max-growth-kb N  fail if DirectMap4k grows by more\n";

static void take_and_drop(u64 seed)
{
	struct area area = secret_area(SIZE);

	mark_fill_pages(area.start, area_nr_pages(&area), seed);
	area_destroy(&area);
}

int main(int argc, char **argv)
{
	static const struct option table[] = {
		{ "max-growth-kb", required_argument, NULL, 'm' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	long max_growth_kb = -1, before_kb, growth_kb;
	int c;

	while ((c = getopt_long(argc, argv, "h", table, NULL)) != -1) {
		if (c == 'h') {
			fputs(usage, stdout);
			return EXIT_PASSED;
		}
		if (c != 'm') {
			fputs(usage, stderr);
			return EXIT_USAGE;
		}
		max_growth_kb = (long)parse_number(optarg);
	}

	ktap_plan(1);
	before_kb = direct_map_read().kb_4k;
	for (u64 i = 1; i <= NR_TIMES; i++) {
		take_and_drop(i);
		ktap_note("after %lu: DirectMap4k grew by %ld kB", i,
			  direct_map_read().kb_4k - before_kb);
	}
	growth_kb = direct_map_read().kb_4k - before_kb;
	ktap_ok(max_growth_kb < 0 || growth_kb <= max_growth_kb,
		"64 MiB three times over: DirectMap4k grew by %ld kB",
		growth_kb);
	return ktap_finish();
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Take 64 MiB of secrets three times over and print by how much that split the
 * direct map. A split is for good: 6.12 never joins entries again.
 *
 * --max-growth-kb N makes it a test: more than N kB of new 4 KiB entries fail, and
 * so do entries of 1 GiB that are gone where no secret ever was.
 */
#define _GNU_SOURCE
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "area.h"
#include "frames.h"
#include "kstat.h"
#include "ktap.h"
#include "mark.h"
#include "options.h"

#define SIZE		(64 * MIB)
#define NR_TIMES	3
#define KB_PER_GIB	(MIB)
#define PAGES_PER_GIB	(MIB / 4)
#define MAX_GIB		1024

static const char usage[] =
	"usage: secret-3x [--max-growth-kb N]\n"
	"  --max-growth-kb N  fail if DirectMap4k grows by more\n";

static bool had_secret[MAX_GIB];	/* by GiB of physical memory */

static void note_places(const struct area *area)
{
	struct frames frames = frames_of_area(area);

	for (size_t i = 0; i < frames.nr; i++) {
		if (frames.pfns[i] / PAGES_PER_GIB < MAX_GIB)
			had_secret[frames.pfns[i] / PAGES_PER_GIB] = true;
	}
	frames_free(&frames);
}

static void take_and_drop(u64 seed)
{
	struct area area = secret_area(SIZE);

	mark_fill_pages(area.start, area_nr_pages(&area), seed);
	note_places(&area);
	area_destroy(&area);
}

static void judge_gib_entries(long lost_kb, bool judged)
{
	long nr_places = 0;

	for (size_t i = 0; i < MAX_GIB; i++)
		nr_places += had_secret[i];
	ktap_ok(!judged || lost_kb <= nr_places * (long)KB_PER_GIB,
		"secrets were in %ld GiB: DirectMap1G shrank by %ld GiB",
		nr_places, lost_kb / (long)KB_PER_GIB);
}

int main(int argc, char **argv)
{
	static const struct option table[] = {
		{ "max-growth-kb", required_argument, NULL, 'm' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	long max_growth_kb = -1, growth_kb;
	struct direct_map before;
	int c;

	while ((c = getopt_long(argc, argv, "h", table, NULL)) != -1) {
		if (c != 'm')
			other_option(c, usage);
		max_growth_kb = (long)parse_number(optarg);
	}

	ktap_plan(2);
	before = direct_map_read();
	for (u64 i = 1; i <= NR_TIMES; i++) {
		take_and_drop(i);
		ktap_note("after %lu: DirectMap4k grew by %ld kB", i,
			  direct_map_read().kb_4k - before.kb_4k);
	}
	growth_kb = direct_map_read().kb_4k - before.kb_4k;
	ktap_ok(max_growth_kb < 0 || growth_kb <= max_growth_kb,
		"64 MiB three times over: DirectMap4k grew by %ld kB",
		growth_kb);
	judge_gib_entries(before.kb_1g - direct_map_read().kb_1g, max_growth_kb >= 0);
	return ktap_finish();
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a page costs, counted in instructions (tools/vm --icount): anonymous
 * memory, tmpfs, huge pages and secret memory, touched once every 4 KiB.
 *
 * fault  the touch
 * free   munmap and close
 * life   everything from create to close
 *
 * Cold is the first round of the boot; warm is the middle one of the rounds
 * after it. Prints key=value; costs are instructions a page. The least and the most
 * are of whole lives in warm rounds; flushes are shootdowns for flips, of all pages.
 * A round of a single page is many lives, so that what others do now and then, as
 * slabs that grow, does not hit one round and miss the next.
 */
#define _GNU_SOURCE
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "area.h"
#include "instr.h"
#include "kfile.h"
#include "kstat.h"
#include "options.h"
#include "profile.h"

static const char usage[] =
	"usage: cost [--size BYTES] [--rounds N] [--only KIND] [--cold] [--any-clock]\n"
	"  --size BYTES  of each kind of memory (default 32M)\n"
	"  --rounds N    warm rounds (default 5)\n"
	"  --cold        tools/profile sees the first round, not the warm ones\n"
	"  --only KIND   anon, tmpfs, huge, secret, secret_small, tmpfs_one or\n"
	"                secret_one\n"
	"  --any-clock   go on where the clock does not count instructions\n";

struct options {
	size_t size;
	unsigned int nr_rounds;
	const char *only;
	bool any_clock, cold;
};

enum phase { FAULT, FREE, LIFE, NR_PHASES };

static const char * const phase_names[NR_PHASES] = { "fault", "free", "life" };

struct sample {
	u64 instr[NR_PHASES];
};

static const struct kind {
	const char *name;
	enum area_kind kind;
	bool one_page, small_folios;
} kinds[] = {
	{ "anon", AREA_ANON, false, false },
	{ "tmpfs", AREA_TMPFS, false, false },
	{ "huge", AREA_ANON_HUGE, false, false },
	{ "secret", AREA_SECRET, false, false },
	{ "secret_small", AREA_SECRET, false, true },
	{ "tmpfs_one", AREA_TMPFS, true, false },
	{ "secret_one", AREA_SECRET, true, false },
};

/* How many lives of a single page make a round */
#define ONE_PAGE_LIVES	2048

/* Large folios of secrets, where there are any */
#define SWITCH	"/sys/kernel/mm/secretmem/large_folios"

static void allow_large_folios(const char *when)
{
	if (kfile_exists(SWITCH))
		write_file(SWITCH, when);
}

static struct options parse_options(int argc, char **argv)
{
	static const struct option table[] = {
		{ "size", required_argument, NULL, 's' },
		{ "rounds", required_argument, NULL, 'r' },
		{ "only", required_argument, NULL, 'o' },
		{ "cold", no_argument, NULL, 'c' },
		{ "any-clock", no_argument, NULL, 'a' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	struct options opt = { 32 * MIB, 5, NULL, false, false };
	int c;

	while ((c = getopt_long(argc, argv, "h", table, NULL)) != -1) {
		switch (c) {
		case 's':
			opt.size = parse_number(optarg);
			break;
		case 'r':
			opt.nr_rounds = (unsigned int)parse_number(optarg);
			break;
		case 'o':
			opt.only = optarg;
			break;
		case 'c':
			opt.cold = true;
			break;
		case 'a':
			opt.any_clock = true;
			break;
		default:
			other_option(c, usage);
		}
	}
	if (optind != argc || !opt.size || opt.size % BLOCK_BYTES ||
	    !opt.nr_rounds)
		wrong_use(usage);
	return opt;
}

static void measure_life(enum area_kind kind, size_t size, struct sample *sum)
{
	u64 create, touch, drop, end;
	struct area area;

	create = instr_now();
	area = area_create(kind, size);
	touch = instr_now();
	for (size_t i = 0; i < area_nr_pages(&area); i++)
		*(volatile u64 *)area_page(&area, i) = 1;
	drop = instr_now();
	area_destroy(&area);
	end = instr_now();

	sum->instr[FAULT] += drop - touch;
	sum->instr[FREE] += end - drop;
	sum->instr[LIFE] += end - create;
}

static struct sample measure(enum area_kind kind, size_t size, unsigned int nr_lives)
{
	struct sample sum = { .instr = { 0 } };

	while (nr_lives--)
		measure_life(kind, size, &sum);
	return sum;
}

static int compare_u64(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return (x > y) - (x < y);
}

static u64 middle(const struct sample *samples, unsigned int nr,
		  enum phase phase)
{
	u64 values[nr];

	for (unsigned int i = 0; i < nr; i++)
		values[i] = samples[i].instr[phase];
	qsort(values, nr, sizeof(*values), compare_u64);
	return values[nr / 2];
}

/* The least and the most of the warm rounds */
static void print_spread(const struct kind *kind, const struct sample *samples,
			 unsigned int nr, double nr_pages)
{
	u64 min = samples[0].instr[LIFE], max = min;

	for (unsigned int i = 1; i < nr; i++) {
		if (samples[i].instr[LIFE] < min)
			min = samples[i].instr[LIFE];
		if (samples[i].instr[LIFE] > max)
			max = samples[i].instr[LIFE];
	}
	printf("%s_life_min=%.1f\n%s_life_max=%.1f\n", kind->name,
	       (double)min / nr_pages, kind->name, (double)max / nr_pages);
}

static void print_kind(const struct kind *kind, const struct options *opt)
{
	size_t size = kind->one_page ? PAGE_SIZE : opt->size;
	unsigned int nr_lives = kind->one_page ? ONE_PAGE_LIVES : 1;
	double nr_pages = (double)(size / PAGE_SIZE * nr_lives);
	struct sample samples[opt->nr_rounds + 1];
	long flushes[3];

	if (kind->small_folios)
		allow_large_folios("never");
	if (opt->cold)
		profile_begin();
	flushes[0] = vmstat_read("unmapped_flush");
	samples[0] = measure(kind->kind, size, nr_lives);
	flushes[1] = vmstat_read("unmapped_flush");
	if (opt->cold)
		profile_end();
	else
		profile_begin();
	for (unsigned int i = 1; i <= opt->nr_rounds; i++)
		samples[i] = measure(kind->kind, size, nr_lives);
	if (!opt->cold)
		profile_end();
	flushes[2] = vmstat_read("unmapped_flush");
	if (kind->small_folios)
		allow_large_folios("always");
	for (enum phase phase = FAULT; phase < NR_PHASES; phase++) {
		printf("%s_%s_cold=%.1f\n", kind->name, phase_names[phase],
		       (double)samples[0].instr[phase] / nr_pages);
		printf("%s_%s_warm=%.1f\n", kind->name, phase_names[phase],
		       (double)middle(samples + 1, opt->nr_rounds, phase) /
		       nr_pages);
	}
	if (kind->kind == AREA_SECRET && flushes[0] != KSTAT_ABSENT)
		printf("%s_flushes_cold=%ld\n%s_flushes_warm=%ld\n", kind->name,
		       flushes[1] - flushes[0], kind->name, flushes[2] - flushes[1]);
	print_spread(kind, samples + 1, opt->nr_rounds, nr_pages);
	fflush(stdout);
}

/* Whether huge pages come at all, so that their column is what it says. */
static long huge_kb(size_t size)
{
	struct area area = area_create(AREA_ANON_HUGE, size);
	long before = meminfo_kb("AnonHugePages"), after;

	for (size_t i = 0; i < area_nr_pages(&area); i += WORDS_PER_PAGE)
		*(volatile u64 *)area_page(&area, i) = 1;
	after = meminfo_kb("AnonHugePages");
	area_destroy(&area);
	return after - before;
}

int main(int argc, char **argv)
{
	struct options opt = parse_options(argc, argv);
	struct direct_map before = direct_map_read(), after;
	bool exact = instr_is_exact();

	if (!exact && !opt.any_clock)
		die(EXIT_CANNOT_RUN,
		    "the clock counts no instructions: run me by tools/vm --icount");
	printf("clock_exact=%d\ncost_pages=%zu\ncost_rounds=%u\n", exact,
	       opt.size / PAGE_SIZE, opt.nr_rounds);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (!opt.only || !strcmp(opt.only, kinds[i].name))
			print_kind(&kinds[i], &opt);
	}
	after = direct_map_read();
	printf("direct_map_4k_grown_kb=%ld\n", after.kb_4k - before.kb_4k);
	printf("huge_missing_kb=%ld\n",
	       (long)(opt.size / KIB) - huge_kb(opt.size));
	return EXIT_PASSED;
}

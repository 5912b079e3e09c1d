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
 * after it. Prints key=value; costs are instructions a page.
 */
#define _GNU_SOURCE
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "area.h"
#include "instr.h"
#include "kstat.h"

static const char usage[] =
	"usage: cost [--size BYTES] [--rounds N] [--any-clock]\n"
	"  --size BYTES  of each kind of memory (default 32M)\n"
	"  --rounds N    warm rounds (default 5)\n"
	"  --any-clock   go on where the clock does not count instructions\n";

struct options {
	size_t size;
	unsigned int nr_rounds;
	bool any_clock;
};

enum phase { FAULT, FREE, LIFE, NR_PHASES };

static const char * const phase_names[NR_PHASES] = { "fault", "free", "life" };

struct sample {
	u64 instr[NR_PHASES];
};

static const struct kind {
	const char *name;
	enum area_kind kind;
	bool one_page;
} kinds[] = {
	{ "anon", AREA_ANON, false },
	{ "tmpfs", AREA_TMPFS, false },
	{ "huge", AREA_ANON_HUGE, false },
	{ "secret", AREA_SECRET, false },
	{ "tmpfs_one", AREA_TMPFS, true },
	{ "secret_one", AREA_SECRET, true },
};

static struct options parse_options(int argc, char **argv)
{
	static const struct option table[] = {
		{ "size", required_argument, NULL, 's' },
		{ "rounds", required_argument, NULL, 'r' },
		{ "any-clock", no_argument, NULL, 'a' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	struct options opt = { 32 * MIB, 5, false };
	int c;

	while ((c = getopt_long(argc, argv, "h", table, NULL)) != -1) {
		switch (c) {
		case 's':
			opt.size = parse_number(optarg);
			break;
		case 'r':
			opt.nr_rounds = (unsigned int)parse_number(optarg);
			break;
		case 'a':
			opt.any_clock = true;
			break;
		case 'h':
			fputs(usage, stdout);
			exit(EXIT_PASSED);
		default:
			fputs(usage, stderr);
			exit(EXIT_USAGE);
		}
	}
	if (optind != argc || !opt.size || opt.size % BLOCK_BYTES ||
	    !opt.nr_rounds) {
		fputs(usage, stderr);
		exit(EXIT_USAGE);
	}
	return opt;
}

static struct sample measure(enum area_kind kind, size_t size)
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

	return (struct sample) { .instr = {
		[FAULT] = drop - touch,
		[FREE] = end - drop,
		[LIFE] = end - create,
	} };
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

static void print_kind(const struct kind *kind, const struct options *opt)
{
	size_t size = kind->one_page ? PAGE_SIZE : opt->size;
	double nr_pages = (double)(size / PAGE_SIZE);
	struct sample samples[opt->nr_rounds + 1];

	for (unsigned int i = 0; i <= opt->nr_rounds; i++)
		samples[i] = measure(kind->kind, size);
	for (enum phase phase = FAULT; phase < NR_PHASES; phase++) {
		printf("%s_%s_cold=%.1f\n", kind->name, phase_names[phase],
		       (double)samples[0].instr[phase] / nr_pages);
		printf("%s_%s_warm=%.1f\n", kind->name, phase_names[phase],
		       (double)middle(samples + 1, opt->nr_rounds, phase) /
		       nr_pages);
	}
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
	bool exact = instr_is_exact();

	if (!exact && !opt.any_clock)
		die(EXIT_CANNOT_RUN,
		    "the clock counts no instructions: run me by tools/vm --icount");
	printf("clock_exact=%d\ncost_pages=%zu\ncost_rounds=%u\n", exact,
	       opt.size / PAGE_SIZE, opt.nr_rounds);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		print_kind(&kinds[i], &opt);
	printf("huge_missing_kb=%ld\n",
	       (long)(opt.size / KIB) - huge_kb(opt.size));
	return EXIT_PASSED;
}

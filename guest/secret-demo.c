// SPDX-License-Identifier: GPL-2.0-only
/*
 * The main job: take secret memory, prove that no frame of it has a present
 * translation in the kernel's direct map, read it back, drop it, and report
 * what that cost, as lines of key=value.
 *
 * With two CPUs or more each other CPU runs a process that spins, so that a
 * flush of kernel translations is a real interrupt to a busy CPU. Times are
 * taken round one touch a page; checks happen between them.
 *
 * Ends with 1 if a frame is present, a page was not zero when it was handed
 * out, or a page did not read back.
 */
#define _GNU_SOURCE
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/utsname.h>

#include "area.h"
#include "dmap.h"
#include "kstat.h"
#include "mark.h"
#include "options.h"
#include "pagemap.h"

static const char usage[] =
	"usage: secret-demo [--size BYTES] [--rounds N] [--dump] [--no-load] [--anon]\n"
	"  --size BYTES  of secret memory each round (default 64M)\n"
	"  --rounds N    how often it is taken and dropped (default 3)\n"
	"  --dump        show each 2 MiB of the direct map: before, held, after\n"
	"  --no-load     let the other CPUs idle\n"
	"  --anon        anonymous memory instead: this must fail\n";

struct options {
	size_t size;
	unsigned int nr_rounds;
	enum area_kind kind;
	bool dump;
	bool load;
};

/* Time and broadcasts of one phase. */
struct cost {
	u64 ns;
	long nr_ipis;
};

/* What one round saw. Counts of pages, except for the costs. */
struct round {
	struct cost fault, free;
	size_t nr_checked;
	size_t nr_present;
	size_t nr_nonzero;
	size_t nr_wrong;
	bool control_present;
};

static struct options parse_options(int argc, char **argv)
{
	static const struct option table[] = {
		{ "size", required_argument, NULL, 's' },
		{ "rounds", required_argument, NULL, 'r' },
		{ "dump", no_argument, NULL, 'd' },
		{ "no-load", no_argument, NULL, 'n' },
		{ "anon", no_argument, NULL, 'a' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	struct options opt = { 64 * MIB, 3, AREA_SECRET, false, true };
	int c;

	while ((c = getopt_long(argc, argv, "h", table, NULL)) != -1) {
		switch (c) {
		case 's':
			opt.size = parse_number(optarg);
			break;
		case 'r':
			opt.nr_rounds = (unsigned int)parse_number(optarg);
			break;
		case 'd':
			opt.dump = true;
			break;
		case 'n':
			opt.load = false;
			break;
		case 'a':
			opt.kind = AREA_ANON;
			break;
		default:
			other_option(c, usage);
		}
	}
	if (optind != argc || !opt.size || opt.size % PAGE_SIZE ||
	    !opt.nr_rounds)
		wrong_use(usage);
	return opt;
}

/* Processes, not threads: they share no user mapping that needs flushes. */
static void keep_other_cpus_busy(void)
{
	pin_to_cpu(0);
	for (int cpu = 1; cpu < nr_cpus_online(); cpu++) {
		if (fork_child())
			continue;
		pin_to_cpu(cpu);
		for (volatile u64 count = 0;; count++)
			;
	}
}

static struct cost cost_now(void)
{
	return (struct cost) {
		.nr_ipis = kernel_ipis_read(),
		.ns = now_ns(),
	};
}

static struct cost cost_since(const struct cost *start)
{
	u64 ns = now_ns() - start->ns;

	return (struct cost) {
		.ns = ns,
		.nr_ipis = kernel_ipis_read() - start->nr_ipis,
	};
}

/*
 * Touch each page once, at its first word, which must be zero; the first words
 * of pages that were not are counted.
 */
static size_t touch_pages(const struct area *area, struct cost *cost)
{
	struct cost start = cost_now();
	size_t nr_nonzero = 0;

	for (size_t i = 0; i < area_nr_pages(area); i++) {
		volatile u64 *word = area_page(area, i);

		nr_nonzero += *word != 0;
		*word = 0;
	}
	*cost = cost_since(&start);
	return nr_nonzero;
}

/* The same question for an ordinary page: without it a no proves nothing. */
static bool ordinary_page_is_present(const struct dmap *map)
{
	struct area area = area_create(AREA_ANON, PAGE_SIZE);
	u64 pfn;
	bool present;

	*area_page(&area, 0) = 1;
	pagemap_read(area.start, 1, &pfn);
	present = pfn != PFN_NONE && dmap_pfn_present(map, pfn);
	area_destroy(&area);
	return present;
}

static void prove_absence(const struct area *area, struct round *round,
			  const char *dump_name)
{
	size_t nr_pages = area_nr_pages(area);
	u64 *pfns = calloc(nr_pages, sizeof(*pfns));
	struct dmap map;

	if (!pfns)
		die_errno("no memory for %zu frames", nr_pages);
	pagemap_read(area->start, nr_pages, pfns);
	dmap_load(&map);
	for (size_t i = 0; i < nr_pages; i++)
		round->nr_checked += pfns[i] != PFN_NONE;
	round->nr_present = dmap_count_present(&map, pfns, nr_pages);
	round->control_present = ordinary_page_is_present(&map);
	if (dump_name)
		dmap_print_blocks(&map, dump_name);
	dmap_free(&map);
	free(pfns);
}

static void run_round(const struct options *opt, struct round *round,
		      u64 seed, bool dump)
{
	struct area area = area_create(opt->kind, opt->size);
	size_t nr_pages = area_nr_pages(&area);
	struct cost start;

	round->nr_nonzero = touch_pages(&area, &round->fault);
	for (size_t i = 0; i < nr_pages; i++)
		round->nr_nonzero += !page_is_zero_from(area_page(&area, i), 1);
	mark_fill_pages(area.start, nr_pages, seed);
	prove_absence(&area, round, dump ? "blocks_held" : NULL);
	round->nr_wrong = mark_count_wrong_pages(area.start, nr_pages, seed);

	start = cost_now();
	area_destroy(&area);
	round->free = cost_since(&start);
}

static void dump_blocks(const char *name)
{
	struct dmap map;

	dmap_load(&map);
	dmap_print_blocks(&map, name);
	dmap_free(&map);
}

static void print_direct_map(const char *when, const struct direct_map *map)
{
	printf("direct_map_1g_%s_kb=%ld\n", when, map->kb_1g);
	printf("direct_map_2m_%s_kb=%ld\n", when, map->kb_2m);
	printf("direct_map_4k_%s_kb=%ld\n", when, map->kb_4k);
}

static int compare_u64(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return (x > y) - (x < y);
}

/* The middle one of what @get says of rounds 1 and on; round 0 is cold. */
static u64 warm_ns(const struct round *rounds, unsigned int nr_rounds,
		   u64 (*get)(const struct round *round))
{
	unsigned int nr = nr_rounds - 1;
	u64 values[nr];

	for (unsigned int i = 0; i < nr; i++)
		values[i] = get(&rounds[i + 1]);
	qsort(values, nr, sizeof(*values), compare_u64);
	return values[nr / 2];
}

static u64 fault_ns(const struct round *round)
{
	return round->fault.ns;
}

static u64 free_ns(const struct round *round)
{
	return round->free.ns;
}

static void print_costs(const struct round *rounds, unsigned int nr_rounds,
			size_t nr_pages)
{
	int nr_others = nr_cpus_online() - 1;
	long nr_ipis = 0;

	printf("wall_fault_cold_ns=%lu\n", rounds[0].fault.ns / nr_pages);
	printf("wall_free_cold_ns=%lu\n", rounds[0].free.ns / nr_pages);
	if (nr_rounds > 1) {
		printf("wall_fault_warm_ns=%lu\n",
		       warm_ns(rounds, nr_rounds, fault_ns) / nr_pages);
		printf("wall_free_warm_ns=%lu\n",
		       warm_ns(rounds, nr_rounds, free_ns) / nr_pages);
	}
	for (unsigned int i = 0; i < nr_rounds; i++)
		nr_ipis += rounds[i].fault.nr_ipis + rounds[i].free.nr_ipis;
	if (nr_others > 0)
		printf("broadcasts_a_page=%.4f\n", (double)nr_ipis / nr_others /
		       (double)nr_rounds / (double)nr_pages);
}

/* Print the counts of all rounds; were they what they must be? */
static bool print_verdict(const struct round *rounds, unsigned int nr_rounds,
			  size_t nr_pages)
{
	size_t nr_checked = 0, nr_present = 0, nr_nonzero = 0, nr_wrong = 0;
	bool control = true, passed;

	for (unsigned int i = 0; i < nr_rounds; i++) {
		nr_checked += rounds[i].nr_checked;
		nr_present += rounds[i].nr_present;
		nr_nonzero += rounds[i].nr_nonzero;
		nr_wrong += rounds[i].nr_wrong;
		control &= rounds[i].control_present;
	}
	passed = nr_checked == nr_pages * nr_rounds && !nr_present &&
		 !nr_nonzero && !nr_wrong && control;
	printf("frames_checked=%zu\n", nr_checked);
	printf("frames_present=%zu\n", nr_present);
	printf("control_present=%d\n", control);
	printf("pages_not_zero=%zu\n", nr_nonzero);
	printf("pages_not_read_back=%zu\n", nr_wrong);
	printf("result=%s\n", passed ? "ok" : "failed");
	return passed;
}

int main(int argc, char **argv)
{
	struct options opt = parse_options(argc, argv);
	size_t nr_pages = opt.size / PAGE_SIZE;
	struct round *rounds = calloc(opt.nr_rounds, sizeof(*rounds));
	struct direct_map before, after;
	struct utsname name;

	if (!rounds || uname(&name))
		die_errno("cannot start");
	printf("kernel=%s\ncpus=%d\nrounds=%u\npages=%zu\n", name.release,
	       nr_cpus_online(), opt.nr_rounds, nr_pages);
	if (opt.load)
		keep_other_cpus_busy();
	if (opt.dump)
		dump_blocks("blocks_before");

	before = direct_map_read();
	for (unsigned int i = 0; i < opt.nr_rounds; i++)
		run_round(&opt, &rounds[i], i + 1,
			  opt.dump && i + 1 == opt.nr_rounds);
	after = direct_map_read();

	if (opt.dump)
		dump_blocks("blocks_after");
	print_direct_map("before", &before);
	print_direct_map("after", &after);
	print_costs(rounds, opt.nr_rounds, nr_pages);
	return print_verdict(rounds, opt.nr_rounds, nr_pages) ? EXIT_PASSED :
								 EXIT_FAILED;
}

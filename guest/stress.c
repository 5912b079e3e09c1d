// SPDX-License-Identifier: GPL-2.0-only
/*
 * Secrets are taken and dropped on all CPUs at once, beside ordinary load:
 * anonymous memory, tmpfs and fork. The work is fixed, not the time. Each
 * worker checks that pages come zeroed and keep what was written.
 */
#define _GNU_SOURCE
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "area.h"
#include "dmap.h"
#include "ktap.h"
#include "mark.h"
#include "options.h"
#include "pagemap.h"

#define NR_HELD		4
#define MAX_PAGES	512

static const char usage[] =
	"usage: stress [--rounds N]\n"
	"  --rounds N    areas that each worker takes (default 30)\n";

/* Fill and check, page by page; is the area what it must be? */
static bool use_area(struct area *area, u64 seed)
{
	size_t nr_pages = area_nr_pages(area);

	for (size_t i = 0; i < nr_pages; i++)
		if (!page_is_zero_from(area_page(area, i), 0))
			return false;
	mark_fill_pages(area->start, nr_pages, seed);
	return !mark_count_wrong_pages(area->start, nr_pages, seed);
}

/*
 * Take areas of random sizes and keep a few, so that pages of many owners lie
 * side by side; look at each again before it is dropped.
 */
static int take_and_drop(enum area_kind kind, u64 seed, unsigned int nr_rounds)
{
	struct area held[NR_HELD] = { };
	u64 seeds[NR_HELD] = { };
	u64 state = seed;

	for (unsigned int i = 0; i < nr_rounds; i++) {
		size_t slot = next_random(&state) % NR_HELD;
		struct area *area = &held[slot];
		size_t size = (1 + next_random(&state) % MAX_PAGES) * PAGE_SIZE;

		if (area->size) {
			if (mark_count_wrong_pages(area->start,
						   area_nr_pages(area),
						   seeds[slot]))
				return EXIT_FAILED;
			area_destroy(area);
		}
		*area = area_create(kind, size);
		seeds[slot] = next_random(&state);
		if (!use_area(area, seeds[slot]))
			return EXIT_FAILED;
	}
	return EXIT_PASSED;
}

static int work_secret(u64 seed, unsigned int nr_rounds)
{
	return take_and_drop(AREA_SECRET, seed, nr_rounds);
}

static int work_anon(u64 seed, unsigned int nr_rounds)
{
	return take_and_drop(AREA_ANON, seed, nr_rounds);
}

static int work_tmpfs(u64 seed, unsigned int nr_rounds)
{
	return take_and_drop(AREA_TMPFS, seed, nr_rounds);
}

static int work_fork(u64 seed, unsigned int nr_rounds)
{
	struct area area = secret_area(MAX_PAGES * PAGE_SIZE);

	mark_fill_pages(area.start, MAX_PAGES, seed);
	for (unsigned int i = 0; i < nr_rounds; i++) {
		pid_t pid = fork_child();

		if (!pid)
			_exit(!!mark_count_wrong_pages(area.start, MAX_PAGES,
						       seed));
		if (!child_passed(wait_child(pid)))
			return EXIT_FAILED;
	}
	return EXIT_PASSED;
}

static pid_t start_worker(int (*work)(u64 seed, unsigned int nr_rounds),
			  int cpu, u64 seed, unsigned int nr_rounds)
{
	pid_t pid = fork_child();

	if (pid)
		return pid;
	pin_to_cpu(cpu);
	_exit(work(seed, nr_rounds));
}

static void run_all(unsigned int nr_rounds)
{
	static const struct {
		const char *name;
		int (*work)(u64 seed, unsigned int nr_rounds);
	} works[] = {
		{ "secrets", work_secret },
		{ "anonymous memory", work_anon },
		{ "tmpfs", work_tmpfs },
		{ "fork", work_fork },
	};
	int nr_cpus = nr_cpus_online();
	pid_t pids[nr_cpus][ARRAY_SIZE(works)];

	for (int cpu = 0; cpu < nr_cpus; cpu++)
		for (size_t i = 0; i < ARRAY_SIZE(works); i++)
			pids[cpu][i] = start_worker(works[i].work, cpu,
						    (u64)cpu * 100 + i,
						    nr_rounds);
	for (size_t i = 0; i < ARRAY_SIZE(works); i++) {
		bool passed = true;

		for (int cpu = 0; cpu < nr_cpus; cpu++)
			passed &= child_passed(wait_child(pids[cpu][i]));
		ktap_ok(passed, "%s on %d CPUs", works[i].name, nr_cpus);
	}
}

/* After all that: is a new secret still absent? */
static bool new_secret_is_absent(void)
{
	static u64 pfns[MAX_PAGES];
	struct area area = secret_area(MAX_PAGES * PAGE_SIZE);
	size_t nr_present;
	struct dmap map;

	mark_fill_pages(area.start, MAX_PAGES, 1);
	pagemap_read(area.start, MAX_PAGES, pfns);
	dmap_load(&map);
	nr_present = dmap_count_present(&map, pfns, MAX_PAGES);
	dmap_free(&map);
	area_destroy(&area);
	return !nr_present;
}

int main(int argc, char **argv)
{
	static const struct option table[] = {
		{ "rounds", required_argument, NULL, 'r' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	unsigned int nr_rounds = 30;
	int c;

	while ((c = getopt_long(argc, argv, "h", table, NULL)) != -1) {
		if (c != 'r')
			other_option(c, usage);
		nr_rounds = (unsigned int)parse_number(optarg);
	}
	ktap_plan(5);
	run_all(nr_rounds);
	ktap_ok(new_secret_is_absent(), "a new secret is absent afterwards");
	return ktap_finish();
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * The long run: secrets and ordinary memory grow and shrink at random on all CPUs,
 * while CPUs and memory blocks go offline and come back. It leaves nothing behind:
 * as much memory is free as before, the direct map is as whole as before, and what
 * was written was read back.
 *
 * It goes on for the time that is asked for and until each racer has done its
 * share: how long it takes says nothing, counts do.
 *
 * Guards against: pages that are lost a few at a time, entries of the direct map
 * that get split when memory comes and goes, data that is wrong after a move.
 */
#define _GNU_SOURCE
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "area.h"
#include "cpu.h"
#include "kfile.h"
#include "kstat.h"
#include "ktap.h"
#include "mark.h"
#include "memblock.h"
#include "options.h"
#include "toll.h"
#include "validator.h"

static const char usage[] =
	"usage: grow-shrink [--seconds N] [--seed N]\n"
	"  --seconds N  how long at least (default 60)\n"
	"  --seed N     of what is random (default 1)\n";

#define NR_SLOTS	8	/* areas that a grower holds at most */
#define SHARE_PERCENT	18	/* of RAM, the most that a grower holds */
#define NR_ROUNDS	4	/* the least that each racer does */
#define PAUSE_US	50000
#define SETTLE_TRIES	50
#define SETTLE_US	200000

static u64 nr_seconds = 60, seed = 1;
static size_t nr_slot_pages;	/* that an area has at most */

struct racer {
	const char *name;
	enum area_kind kind;	/* of a grower */
	bool (*work)(u64 *state);	/* of others: did it get through? */
};

/* Written by one racer each, read by all */
static volatile struct progress {
	u64 nr_done, nr_through, nr_wrong;
} *progress;

static volatile bool *stop;

/* Section: those who grow and shrink */

static void drop(struct area *area, u64 area_seed, volatile struct progress *own)
{
	own->nr_wrong += mark_count_wrong_pages(area->start, area_nr_pages(area),
						area_seed);
	area_destroy(area);
	area->size = 0;
}

static void grow_and_shrink(const struct racer *racer,
			    volatile struct progress *own, u64 state)
{
	struct area areas[NR_SLOTS] = { };
	u64 seeds[NR_SLOTS];

	while (!*stop) {
		size_t i = next_random(&state) % NR_SLOTS;

		if (areas[i].size) {
			drop(&areas[i], seeds[i], own);
		} else {
			areas[i] = area_create(racer->kind, PAGE_SIZE *
					       (1 + next_random(&state) % nr_slot_pages));
			seeds[i] = next_random(&state);
			mark_fill_pages(areas[i].start, area_nr_pages(&areas[i]),
					seeds[i]);
		}
		own->nr_done++;
		own->nr_through++;
	}
	for (size_t i = 0; i < NR_SLOTS; i++)
		if (areas[i].size)
			drop(&areas[i], seeds[i], own);
}

/* Section: what comes and goes */

static bool cycle_cpu(u64 *state)
{
	int cpu, nr_cpus = (int)sysconf(_SC_NPROCESSORS_CONF);

	usleep(PAUSE_US);
	if (nr_cpus < 2)
		return false;
	cpu = 1 + (int)(next_random(state) % (u64)(nr_cpus - 1));
	if (cpu_offline(cpu))
		return false;
	usleep(PAUSE_US);
	if (cpu_online(cpu))
		die_errno("CPU %d does not come back", cpu);
	return true;
}

static bool cycle_memory(u64 *state)
{
	u64 nr_blocks = (u64)sysconf(_SC_PHYS_PAGES) / memblock_nr_pages() + 1;
	u64 block = next_random(state) % nr_blocks;

	usleep(PAUSE_US);
	if (memblock_offline(block))
		return false;
	usleep(PAUSE_US);
	if (memblock_online(block))
		die_errno("memory block %lu does not come back", block);
	return true;
}

static const struct racer racers[] = {
	{ "secrets", AREA_SECRET, NULL },
	{ "more secrets", AREA_SECRET, NULL },
	{ "anonymous memory", AREA_ANON, NULL },
	{ "tmpfs", AREA_TMPFS, NULL },
	{ "CPUs offline and online", 0, cycle_cpu },
	{ "memory offline and online", 0, cycle_memory },
};

static void race(size_t i)
{
	volatile struct progress *own = &progress[i];
	u64 state = seed * 100 + i;

	if (!racers[i].work) {
		grow_and_shrink(&racers[i], own, state);
		_exit(EXIT_PASSED);
	}
	while (!*stop) {
		own->nr_through += racers[i].work(&state);
		own->nr_done++;
	}
	_exit(EXIT_PASSED);
}

static bool all_have_done_their_share(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(racers); i++)
		if (progress[i].nr_done < NR_ROUNDS)
			return false;
	return true;
}

/* Whoever ends early has died: it need not be waited for. */
static bool someone_died(const pid_t *pids)
{
	for (size_t i = 0; i < ARRAY_SIZE(racers); i++) {
		char path[64], line[256];

		snprintf(path, sizeof(path), "/proc/%d/stat", pids[i]);
		kfile_first_line(path, line, sizeof(line));
		for (const char *at = line; *at; at++)
			if (at[0] == ')' && at[1] == ' ' && at[2] == 'Z')
				return true;
	}
	return false;
}

static void run_racers(void)
{
	u64 end = now_ns() + nr_seconds * 1000000000ULL;
	pid_t pids[ARRAY_SIZE(racers)];

	for (size_t i = 0; i < ARRAY_SIZE(racers); i++) {
		pids[i] = fork_child();
		if (!pids[i])
			race(i);
	}
	while ((now_ns() < end || !all_have_done_their_share()) && !someone_died(pids))
		usleep(SETTLE_US);
	*stop = true;
	for (size_t i = 0; i < ARRAY_SIZE(racers); i++) {
		bool passed = child_passed(wait_child(pids[i]));

		ktap_note("%s: %lu times, %lu got through", racers[i].name,
			  progress[i].nr_done, progress[i].nr_through);
		ktap_ok(passed && !progress[i].nr_wrong && progress[i].nr_through,
			"%s", racers[i].name);
	}
}

/* Section: before and after */

/*
 * Caches of objects give empty slabs back. With KASAN, what was freed lately waits in
 * a quarantine of up to a 32nd of RAM, which this empties.
 */
static void shrink_slabs(void)
{
	glob_t files = { };

	if (!glob("/sys/kernel/slab/*/shrink", 0, NULL, &files)) {
		for (size_t i = 0; i < files.gl_pathc; i++)
			write_file(files.gl_pathv[i], "1");
	}
	globfree(&files);
}

static long free_pages_settled(long at_least)
{
	long nr = 0;

	/* What page cache and slab hold comes and goes with the test's own doing. */
	for (int i = 0; i < SETTLE_TRIES; i++) {
		write_file("/proc/sys/vm/drop_caches", "3");
		shrink_slabs();
		nr = free_pages_read();
		if (nr >= at_least)
			break;
		usleep(SETTLE_US);
	}
	return nr;
}

/* What the first use of each thing takes for good is no loss. */
static void use_once(void)
{
	static const enum area_kind kinds[] = { AREA_SECRET, AREA_ANON, AREA_TMPFS };

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct area area = area_create(kinds[i], nr_slot_pages * PAGE_SIZE);

		mark_fill_pages(area.start, nr_slot_pages, 1);
		area_destroy(&area);
	}
}

static void report_direct_map(struct direct_map before)
{
	struct direct_map after = direct_map_read();

	ktap_note("DirectMap2M %ld kB before, %ld kB after", before.kb_2m, after.kb_2m);
	if (vmstat_read("unmapped_flip") == KSTAT_ABSENT)
		ktap_skip("this kernel unmaps single pages", "DirectMap2M is as before");
	else
		ktap_ok(after.kb_2m == before.kb_2m, "DirectMap2M is as before");
}

static void parse_options(int argc, char **argv)
{
	static const struct number_option options[] = {
		{ "seconds", &nr_seconds },
		{ "seed", &seed },
		{ }
	};

	parse_number_options(argc, argv, usage, options);
}

int main(int argc, char **argv)
{
	long nr_kills = vmstat_read("oom_kill"), nr_total, nr_before, nr_after;
	struct direct_map map;
	struct toll toll;

	parse_options(argc, argv);
	progress = shared_alloc(sizeof(*progress) * ARRAY_SIZE(racers));
	stop = shared_alloc(sizeof(*stop));
	nr_total = meminfo_kb("MemTotal") * (long)KIB / (long)PAGE_SIZE;
	nr_slot_pages = (size_t)nr_total * SHARE_PERCENT / 100 / NR_SLOTS;
	ktap_plan(ARRAY_SIZE(racers) + 4);
	use_once();
	nr_before = free_pages_settled(0);
	map = direct_map_read();
	toll_begin(&toll);

	run_racers();
	toll_end(&toll);
	toll_note(&toll, "long");
	nr_after = free_pages_settled(nr_before - nr_total / 100);
	ktap_note("free_before=%ld", nr_before);
	ktap_note("free_after=%ld", nr_after);
	ktap_ok(nr_after >= nr_before - nr_total / 100,
		"%ld pages are free, of %ld before", nr_after, nr_before);
	report_direct_map(map);
	ktap_ok(vmstat_read("oom_kill") == nr_kills, "nothing was killed");
	validator_report();
	return ktap_finish();
}

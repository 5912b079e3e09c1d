// SPDX-License-Identifier: GPL-2.0-only
/*
 * Secrets are dropped but for one page in each 4 MiB, and so sit in every
 * second block of what they had. Ordinary memory then asks for most of what is
 * available, and gets it: nobody is killed. What is left of the secrets is whole
 * and absent, and when all memory is compacted, it fills few blocks. Of a few
 * blocks the emptiest is emptied, and nothing is moved that makes no block.
 *
 * Guards against: sparse unmapped blocks that stay away from ordinary requests;
 * pages that are lost, doubled or seen while they are moved together; a block that is
 * emptied into one that was emptied just before.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "area.h"
#include "dmap.h"
#include "frames.h"
#include "kstat.h"
#include "ktap.h"
#include "mark.h"
#include "pagemap.h"
#include "validator.h"

#define SECRET_PERCENT	70	/* of RAM */
#define ASKED_PERCENT	75	/* of what is available */
#define STEP_BYTES	(4 * MIB)
#define NR_STEPS_MAX	1024
#define NR_TOGETHER	16	/* single pages that the kernel may take at a time */
#define NR_BLOCKS_LEFT	8	/* that the pages which are left may fill */
#define NR_BLOCK_PAGES	(BLOCK_BYTES / PAGE_SIZE)
#define NR_SINGLES	(5 * NR_BLOCK_PAGES)

/*
 * One page of each step is kept, the rest dropped. Other single pages go with it, so
 * that the next step's does not stand beside it; the rest fills their blocks.
 */
static struct area kept[NR_STEPS_MAX], dropped[NR_STEPS_MAX];
static struct area others[NR_STEPS_MAX][NR_TOGETHER - 1];
static size_t nr_steps;

static void allow_many_files(void)
{
	const rlim_t nr_files = 2 * NR_STEPS_MAX * NR_TOGETHER;
	struct rlimit limit = { nr_files, nr_files };

	if (setrlimit(RLIMIT_NOFILE, &limit))
		die_errno("setrlimit");
}

static void take_steps(void)
{
	nr_steps = (u64)meminfo_kb("MemTotal") * KIB / 100 * SECRET_PERCENT /
		   STEP_BYTES;
	if (nr_steps > NR_STEPS_MAX)
		nr_steps = NR_STEPS_MAX;
	pin_to_cpu(0);
	for (size_t i = 0; i < nr_steps; i++) {
		kept[i] = secret_area(PAGE_SIZE);
		mark_fill_pages(kept[i].start, 1, i);
		for (size_t j = 0; j < NR_TOGETHER - 1; j++) {
			others[i][j] = secret_area(PAGE_SIZE);
			mark_fill_pages(others[i][j].start, 1, NR_STEPS_MAX + i);
		}
		dropped[i] = secret_area(STEP_BYTES - NR_TOGETHER * PAGE_SIZE);
		mark_fill_pages(dropped[i].start, area_nr_pages(&dropped[i]),
				NR_STEPS_MAX + i);
	}
}

static void drop_steps(void)
{
	for (size_t i = 0; i < nr_steps; i++) {
		for (size_t j = 0; j < NR_TOGETHER - 1; j++)
			area_destroy(&others[i][j]);
		area_destroy(&dropped[i]);
	}
}

static bool kept_are_whole(void)
{
	size_t nr_wrong = 0, nr_present;
	u64 pfns[NR_STEPS_MAX];
	struct dmap map;

	for (size_t i = 0; i < nr_steps; i++)
		nr_wrong += mark_count_wrong_pages(kept[i].start, 1, i);
	for (size_t i = 0; i < nr_steps; i++)
		pagemap_read(kept[i].start, 1, &pfns[i]);
	dmap_load(&map);
	nr_present = dmap_count_present(&map, pfns, nr_steps);
	dmap_free(&map);
	if (nr_wrong || nr_present)
		ktap_note("%zu are wrong, %zu are present", nr_wrong, nr_present);
	return !nr_wrong && !nr_present;
}

/* A child of ours takes so much ordinary memory. Is it there in the end? */
static bool child_gets(size_t size)
{
	pid_t pid = fork_child();

	if (!pid) {
		char *start = mmap(NULL, size, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
				   -1, 0);

		write_file("/proc/self/oom_score_adj", "1000");
		if (start == MAP_FAILED)
			_exit(EXIT_FAILED);
		mark_fill_pages(start, size / PAGE_SIZE, 1);
		_exit(mark_count_wrong_pages(start, size / PAGE_SIZE, 1) ?
		      EXIT_FAILED : 0);
	}
	return child_passed(wait_child(pid));
}

/* What bench/pressure shows of it */
static void note_figures(size_t size, long nr_killed, long nr_moved)
{
	ktap_note("asked=%zu", size / PAGE_SIZE);
	ktap_note("oom_kill=%ld", vmstat_read("oom_kill") - nr_killed);
	ktap_note("pgmigrate_success=%ld", vmstat_read("pgmigrate_success") - nr_moved);
	if (kernel_unmaps_blocks())
		ktap_note("unmapped_pack=%ld", vmstat_read("unmapped_pack"));
}

static size_t asked_bytes(void)
{
	size_t size = (u64)meminfo_kb("MemAvailable") * KIB / 100 *
		      ASKED_PERCENT;

	return size / PAGE_SIZE * PAGE_SIZE;
}

/* How many unmapped blocks are there besides those that are free as a whole? */
static void test_compacted(void)
{
	long nr_free;

	write_file("/proc/sys/vm/compact_memory", "1");
	nr_free = vmstat_read("nr_free_unmapped_pages");
	if (kernel_unmaps_blocks())
		ktap_ok(nr_free < (long)(NR_BLOCKS_LEFT * NR_BLOCK_PAGES),
			"compacted: %ld free unmapped pages beside %zu secrets",
			nr_free, nr_steps);
	else
		ktap_skip("this kernel unmaps no blocks", "compacted");
	ktap_ok(kept_are_whole(), "compacted: what is kept is whole and absent");
}

/* Section: three blocks */

/*
 * Files of a page each, which fill some blocks, and how many of them stay in which: the
 * pages of the first go to the second, which has the smallest free pieces. The third
 * would only fill the first again.
 */
static const size_t nr_left[] = { 2, 400, 256 };

static struct area singles[NR_SINGLES];
static u64 single_pfns[NR_SINGLES];
static bool is_dropped[NR_SINGLES];

static void read_singles(void)
{
	for (size_t i = 0; i < NR_SINGLES; i++)
		if (!is_dropped[i])
			pagemap_read(singles[i].start, 1, &single_pfns[i]);
}

static size_t nr_singles_in(u64 block)
{
	size_t nr = 0;

	for (size_t i = 0; i < NR_SINGLES; i++)
		nr += !is_dropped[i] && single_pfns[i] / NR_BLOCK_PAGES == block;
	return nr;
}

static void take_singles(void)
{
	for (size_t i = 0; i < NR_SINGLES; i++) {
		singles[i] = secret_area(PAGE_SIZE);
		mark_fill_pages(singles[i].start, 1, i);
	}
	read_singles();
}

/* The first of them in a block that is full of them, behind the block @after */
static u64 find_full_block(u64 after)
{
	u64 found = UINT64_MAX;

	for (size_t i = 0; i < NR_SINGLES; i++) {
		u64 block = single_pfns[i] / NR_BLOCK_PAGES;

		if (block > after && block < found && nr_singles_in(block) == NR_BLOCK_PAGES)
			found = block;
	}
	if (found == UINT64_MAX)
		die(EXIT_FAILED, "too few blocks are full of secrets");
	return found;
}

static bool is_left(u64 pfn, const u64 *blocks)
{
	for (size_t i = 0; i < ARRAY_SIZE(nr_left); i++)
		if (pfn / NR_BLOCK_PAGES == blocks[i])
			return pfn % NR_BLOCK_PAGES < nr_left[i];
	return false;
}

static void thin_out(u64 *blocks)
{
	u64 after = 0;

	for (size_t i = 0; i < ARRAY_SIZE(nr_left); i++)
		after = blocks[i] = find_full_block(after);
	for (size_t i = 0; i < NR_SINGLES; i++) {
		is_dropped[i] = !is_left(single_pfns[i], blocks);
		if (is_dropped[i])
			area_destroy(&singles[i]);
	}
	drain_lru_batches();
}

static size_t drop_singles(void)
{
	size_t nr_wrong = 0;

	for (size_t i = 0; i < NR_SINGLES; i++) {
		if (is_dropped[i])
			continue;
		nr_wrong += mark_count_wrong_pages(singles[i].start, 1, i);
		area_destroy(&singles[i]);
	}
	return nr_wrong;
}

static void test_emptiest(void)
{
	u64 blocks[ARRAY_SIZE(nr_left)];
	long nr_moved;
	size_t nr;

	if (!kernel_unmaps_blocks()) {
		ktap_skip("this kernel unmaps no blocks", "the emptiest block");
		return;
	}
	take_singles();
	thin_out(blocks);
	nr_moved = vmstat_read("unmapped_migrate");
	write_file("/proc/sys/vm/compact_memory", "1");
	nr_moved = vmstat_read("unmapped_migrate") - nr_moved;
	read_singles();
	nr = nr_singles_in(blocks[1]);
	ktap_ok(nr_moved == (long)nr_left[0] && nr == nr_left[0] + nr_left[1] && !drop_singles(),
		"the emptiest block is emptied, into the fullest: %ld pages moved, %zu are there",
		nr_moved, nr);
}

int main(void)
{
	long nr_killed = vmstat_read("oom_kill");
	bool granted;
	long nr_moved;
	size_t size;

	ktap_plan(11);
	allow_many_files();
	take_steps();
	drop_steps();
	ktap_note("%zu pages are kept, %ld unmapped pages are free", nr_steps,
		  vmstat_read("nr_free_unmapped_pages"));
	ktap_ok(kept_are_whole(), "what is kept is whole and absent");

	nr_moved = vmstat_read("pgmigrate_success");
	size = asked_bytes();
	granted = child_gets(size);
	ktap_ok(granted, "ordinary memory gets %zu MiB of %ld", size / MIB,
		meminfo_kb("MemAvailable") / 1024);
	note_figures(size, nr_killed, nr_moved);
	ktap_note("granted=%zu", granted ? size / PAGE_SIZE : 0);
	ktap_ok(vmstat_read("oom_kill") == nr_killed, "nobody is killed");
	if (kernel_unmaps_blocks())
		ktap_ok(vmstat_read("pgmigrate_success") > nr_moved,
			"%ld pages moved", vmstat_read("pgmigrate_success") - nr_moved);
	else
		ktap_skip("this kernel unmaps no blocks", "pages moved");
	ktap_ok(kept_are_whole(), "what is kept is whole and absent");
	validator_result("packed: the validator is content");
	test_compacted();
	ktap_ok(child_gets(asked_bytes()), "ordinary memory gets it again");
	for (size_t i = 0; i < nr_steps; i++)
		area_destroy(&kept[i]);
	test_emptiest();
	validator_report();
	return ktap_finish();
}

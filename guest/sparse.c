// SPDX-License-Identifier: GPL-2.0-only
/*
 * Few secret pages in many places: how much memory leaves the direct map for
 * them? No more blocks than the pages fill, and a batch.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "demand.h"
#include "filling.h"
#include "kstat.h"
#include "ktap.h"
#include "mark.h"
#include "validator.h"

#define NR_FILES	1000
#define SPARSE_BYTES	(1UL << 30)
#define LIMIT_BYTES	(64 * KIB)
#define BATCH_BLOCKS	8
#define SOME_UID	12345

static long blocks_unmapped(void)
{
	return vmstat_read("unmapped_flip") - vmstat_read("unmapped_take_back");
}

static void judge_blocks(const char *what, long before, size_t nr_pages)
{
	size_t nr_max = (nr_pages + PAGES_PER_BLOCK - 1) / PAGES_PER_BLOCK;
	long nr = blocks_unmapped() - before;

	if (vmstat_read("unmapped_flip") == KSTAT_ABSENT) {
		ktap_skip("this kernel unmaps no blocks", "blocks for %s", what);
		return;
	}
	ktap_note("%s_blocks=%ld", what, nr);
	ktap_note("%s_mib=%ld", what, nr * (long)(BLOCK_BYTES / MIB));
	ktap_note("%s_filled=%zu", what, nr_max);
	ktap_ok(nr <= (long)nr_max + BATCH_BLOCKS,
		"%ld blocks for %zu pages of %s", nr, nr_pages, what);
}

static void test_files(void)
{
	static struct area files[NR_FILES];
	long before = blocks_unmapped();
	size_t nr_wrong = 0;

	for (size_t i = 0; i < NR_FILES; i++) {
		files[i] = secret_area(PAGE_SIZE);
		mark_fill_pages(files[i].start, 1, i);
	}
	judge_blocks("files", before, NR_FILES);
	for (size_t i = 0; i < NR_FILES; i++) {
		nr_wrong += mark_count_wrong_pages(files[i].start, 1, i);
		area_destroy(&files[i]);
	}
	ktap_ok(!nr_wrong, "%d files of a page hold what was written", NR_FILES);
}

static void test_sparse(void)
{
	struct area area = secret_area(SPARSE_BYTES);
	long before = blocks_unmapped();
	size_t nr_wrong = 0, nr = 0;

	for (size_t i = 0; i < area_nr_pages(&area); i += PAGES_PER_BLOCK, nr++)
		mark_fill_pages(area_page(&area, i), 1, i);
	judge_blocks("sparse", before, nr);
	for (size_t i = 0; i < area_nr_pages(&area); i += PAGES_PER_BLOCK)
		nr_wrong += mark_count_wrong_pages(area_page(&area, i), 1, i);
	ktap_ok(!nr_wrong, "1 GiB with a page in each 2 MiB holds what was written");
	area_destroy(&area);
}

/* Of a user whom the limit binds, in a child. How many pages does he get? */
static size_t *nr_under_limit;

static int take_under_limit(void)
{
	size_t nr = LIMIT_BYTES / PAGE_SIZE;
	struct area areas[nr];

	limit_locked_memory(LIMIT_BYTES);
	if (setuid(SOME_UID))
		die_errno("cannot become a user with a limit");
	for (size_t i = 0; i < nr; i++) {
		areas[i] = secret_area(PAGE_SIZE);
		*nr_under_limit += demand_pages(&areas[i], i);
	}
	return EXIT_PASSED;
}

static void test_limit(void)
{
	size_t nr = LIMIT_BYTES / PAGE_SIZE;
	long before = blocks_unmapped();
	bool survived;

	survived = demand_in_child(take_under_limit);
	ktap_ok(survived && *nr_under_limit == nr,
		"%zu pages granted under a limit of %zu", *nr_under_limit, nr);
	judge_blocks("limit", before, nr);
}

int main(void)
{
	ktap_plan(7);
	nr_under_limit = shared_alloc(sizeof(*nr_under_limit));
	test_files();
	test_sparse();
	test_limit();
	validator_report();
	return ktap_finish();
}

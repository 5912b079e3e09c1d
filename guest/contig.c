// SPDX-License-Identifier: GPL-2.0-only
/*
 * Contiguous ranges beside secrets: whoever asks for physically contiguous
 * memory gets it as on stock, mapped and usable, out of what secrets have left;
 * live secrets in the way stay whole and absent.
 *
 *   gigantic  pages of 1 GiB at run time (needs about 6 GiB of RAM)
 *   cma       pages of 1 GiB from an area for contiguous allocations (booted
 *             with hugetlb_cma=1G): no secret ever lies in the area
 *   compact   compaction of all memory
 *
 * Guards against: alloc_contig_range() handing out pages that are not mapped.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "area.h"
#include "dmap.h"
#include "frames.h"
#include "hoard.h"
#include "kfile.h"
#include "kstat.h"
#include "ktap.h"
#include "mark.h"
#include "pagemap.h"
#include "validator.h"

#ifndef MAP_HUGE_SHIFT
#define MAP_HUGE_SHIFT	26
#endif
#define MAP_HUGE_1GB	(30 << MAP_HUGE_SHIFT)

#define GIB		(1UL << 30)
#define PAGES_PER_GIB	(GIB / PAGE_SIZE)
#define NR_HUGEPAGES	"/sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages"
#define NR_WANTED	4		/* more than there can be in 6 GiB */
#define STEP_BYTES	(32 * MIB)
#define NR_SPREAD	16384		/* frames that make a range count as used */
#define FREE_SLACK	(16 * MIB / PAGE_SIZE)

static const char usage[] = "usage: contig gigantic|cma|compact\n";

/* Section: pages of 1 GiB */

/* Ask for as many as there can be; how many are there? */
static u64 get_gigantic(void)
{
	/* Fewer than asked for is no error. */
	kfile_write_number(NR_HUGEPAGES, NR_WANTED);
	return kfile_number(NR_HUGEPAGES, 10);
}

static bool drop_gigantic(void)
{
	kfile_write_number(NR_HUGEPAGES, 0);
	return !kfile_number(NR_HUGEPAGES, 10);
}

/* A page of 1 GiB of those that are free; its first frame to @pfn. */
static char *map_gigantic(u64 *pfn)
{
	char *page = mmap(NULL, GIB, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB |
			  MAP_HUGE_1GB, -1, 0);

	if (page == MAP_FAILED)
		die_errno("mmap of a page of 1 GiB");
	*(volatile char *)page = 0;
	pagemap_read(page, 1, pfn);
	return page;
}

/* Zero at hand-out, holds what is written, and its frames have translations? */
static bool gigantic_is_usable(char *page, u64 pfn)
{
	size_t nr_dirty = 0, nr_wrong = 0, nr_absent = 0;
	struct dmap map;

	for (size_t i = 0; i < PAGES_PER_GIB; i++)
		nr_dirty += !page_is_zero_from((u64 *)(page + i * PAGE_SIZE), 0);
	mark_fill_pages(page, PAGES_PER_GIB, 1);
	nr_wrong = mark_count_wrong_pages(page, PAGES_PER_GIB, 1);
	dmap_load(&map);
	for (size_t i = 0; i < PAGES_PER_GIB; i++)
		nr_absent += !dmap_pfn_present(&map, pfn + i);
	dmap_free(&map);
	ktap_note("a page of 1 GiB at frame %#lx: %zu dirty, %zu wrong, %zu absent",
		  pfn, nr_dirty, nr_wrong, nr_absent);
	return !nr_dirty && !nr_wrong && !nr_absent;
}

/* Use all @nr, one after the other; their first frames to @pfns. */
static bool use_gigantic(u64 *pfns, u64 nr)
{
	char *pages[NR_WANTED];
	bool usable = true;

	for (u64 i = 0; i < nr; i++) {
		pages[i] = map_gigantic(&pfns[i]);
		usable &= gigantic_is_usable(pages[i], pfns[i]);
	}
	for (u64 i = 0; i < nr; i++)
		munmap(pages[i], GIB);	/* only address space is at stake */
	return usable;
}

static void must_drop_gigantic(void)
{
	if (!drop_gigantic())
		die(EXIT_FAILED, "pages of 1 GiB are not given back");
}

/* What the machine can give when no secret was ever taken. */
static u64 test_gigantic_fresh(u64 *pfns)
{
	u64 nr = get_gigantic();

	if (!nr)
		die(EXIT_CANNOT_RUN, "no GiB is free: more memory, please");
	ktap_ok(use_gigantic(pfns, nr), "fresh: %lu pages of 1 GiB, usable", nr);
	must_drop_gigantic();
	return nr;
}

/* Secrets, many of them where the @nr pages were, and between these. */
static bool take_in_pages(struct hoard *secrets, const u64 *pfns, u64 nr)
{
	u64 start_pfn = pfns[0], end_pfn = pfns[0];

	for (u64 i = 1; i < nr; i++) {
		start_pfn = pfns[i] < start_pfn ? pfns[i] : start_pfn;
		end_pfn = pfns[i] > end_pfn ? pfns[i] : end_pfn;
	}
	return hoard_take_until_in(secrets, STEP_BYTES, 70, NR_SPREAD,
				   start_pfn, end_pfn + PAGES_PER_GIB);
}

/*
 * As many as when no secret was ever taken. Stock gives fewer: the page tables
 * of the 2 MiB entries that it split lie in the way, for good.
 */
static bool as_many_as(u64 nr, u64 nr_fresh)
{
	return nr == nr_fresh || (nr && !kernel_unmaps_blocks());
}

static void test_gigantic_after(u64 nr_fresh, u64 *pfns)
{
	static struct hoard secrets = { .kind = AREA_SECRET, .seed = 100 };
	long nr_taken_back;
	u64 nr;

	ktap_ok(take_in_pages(&secrets, pfns, nr_fresh),
		"secrets lie where such pages lay");
	hoard_drop(&secrets);
	nr_taken_back = vmstat_read("unmapped_take_back");
	nr = get_gigantic();
	ktap_ok(as_many_as(nr, nr_fresh) && use_gigantic(pfns, nr),
		"after secrets: %lu pages of 1 GiB, usable", nr);
	if (kernel_unmaps_blocks())
		ktap_ok(vmstat_read("unmapped_take_back") > nr_taken_back,
			"unmapped blocks were mapped back for them: %ld",
			vmstat_read("unmapped_take_back") - nr_taken_back);
	else
		ktap_skip("this kernel unmaps no blocks",
			  "unmapped blocks were mapped back for them");
	validator_result("... and the validator is content");
	ktap_ok(drop_gigantic(), "they are given back");
}

static void test_gigantic_beside(u64 nr_fresh, u64 *pfns)
{
	static struct hoard secrets = { .kind = AREA_SECRET, .seed = 200 };
	size_t nr_inside = 0;
	bool taken;
	u64 nr;

	taken = take_in_pages(&secrets, pfns, nr_fresh);
	nr = get_gigantic();
	/* On stock secrets do not move */
	ktap_ok(taken && (nr || !kernel_unmaps_blocks()) && use_gigantic(pfns, nr),
		"beside live secrets: %lu pages of 1 GiB, usable", nr);
	for (u64 i = 0; i < nr; i++)
		nr_inside += hoard_count_in(&secrets, pfns[i],
					    pfns[i] + PAGES_PER_GIB);
	ktap_ok(hoard_is_whole_and_absent(&secrets) && !nr_inside,
		"the secrets are what they were, absent, and elsewhere");
	validator_result("... and the validator is content");
	must_drop_gigantic();
	hoard_drop(&secrets);
	nr = get_gigantic();
	ktap_ok(as_many_as(nr, nr_fresh), "once they are gone: %lu pages of 1 GiB",
		nr);
	must_drop_gigantic();
}

static void test_gigantic(void)
{
	long nr_free, nr_free_after;
	u64 pfns[NR_WANTED] = { }, nr_fresh;

	if (!kfile_exists(NR_HUGEPAGES))
		die(EXIT_CANNOT_RUN, "this CPU has no pages of 1 GiB");
	ktap_plan(11);
	nr_free = free_pages_read();
	nr_fresh = test_gigantic_fresh(pfns);
	test_gigantic_after(nr_fresh, pfns);
	test_gigantic_beside(nr_fresh, pfns);
	nr_free_after = free_pages_read();
	ktap_ok(nr_free_after > nr_free - (long)FREE_SLACK,
		"free memory is back: %ld pages before, %ld after", nr_free,
		nr_free_after);
}

/* Section: an area for contiguous allocations */

static void test_cma(void)
{
	static struct hoard secrets = { .kind = AREA_SECRET, .seed = 300 };
	long total_kb = meminfo_kb("CmaTotal");
	u64 pfn;

	if (!kfile_exists(NR_HUGEPAGES) || total_kb < (long)(GIB / KIB))
		die(EXIT_CANNOT_RUN, "not booted with hugetlb_cma=1G");
	ktap_plan(6);
	ktap_ok(kfile_write_number(NR_HUGEPAGES, 1) == 0 &&
		kfile_number(NR_HUGEPAGES, 10) == 1 && use_gigantic(&pfn, 1),
		"a page of 1 GiB from the area is usable");
	must_drop_gigantic();
	hoard_take_share(&secrets, STEP_BYTES, 20);
	ktap_ok(!hoard_count_in(&secrets, pfn, pfn + PAGES_PER_GIB),
		"%zu MiB of secrets, none in the area",
		hoard_nr_bytes(&secrets) / MIB);
	ktap_ok(kfile_write_number(NR_HUGEPAGES, 1) == 0 &&
		kfile_number(NR_HUGEPAGES, 10) == 1 && use_gigantic(&pfn, 1),
		"beside them the page can be had");
	ktap_ok(hoard_is_whole_and_absent(&secrets), "they are what they were, and absent");
	validator_report();
	hoard_drop(&secrets);
	ktap_ok(drop_gigantic() && meminfo_kb("CmaTotal") == total_kb,
		"it is given back");
}

/* Section: compaction */

#define SMALL_PAGES	96
#define COMPACT_TRIES	10

/* Anonymous memory with every other page given back: work for compaction. */
static struct area sparse_area(size_t size)
{
	struct area area = area_create(AREA_ANON, size);

	mark_fill_pages(area.start, area_nr_pages(&area), 1);
	for (size_t i = 1; i < area_nr_pages(&area); i += 2)
		if (madvise(area_page(&area, i), PAGE_SIZE, MADV_DONTNEED))
			die_errno("madvise");
	return area;
}

static bool sparse_area_holds(const struct area *area)
{
	const u64 *page;
	bool passed = true;

	for (size_t i = 0; i < area_nr_pages(area); i += 2) {
		page = area_page(area, i);
		passed &= page[0] == mark_make(1, i * WORDS_PER_PAGE) &&
			  page[511] == mark_make(1, i * WORDS_PER_PAGE + 511);
	}
	return passed;
}

/* Every other one is dropped: free pages lie between live ones. */
static void take_small_secrets(struct hoard *secrets)
{
	for (size_t i = 0; i < HOARD_AREAS; i++)
		hoard_take(secrets, (1 + i % SMALL_PAGES) * PAGE_SIZE);
	for (size_t i = 1; i < HOARD_AREAS; i += 2)
		hoard_drop_one(secrets, i);
}

/*
 * Compact memory with an area full of holes in it. How many pages moved? All of them
 * must be present, and hold what they held.
 */
static size_t compact_once(size_t size, bool *present, bool *whole)
{
	struct area sparse = sparse_area(size);
	struct frames before = frames_of_area(&sparse), after;
	size_t nr_moved = 0;

	for (int i = 0; i < 3; i++)
		write_file("/proc/sys/vm/compact_memory", "1");
	after = frames_of_area(&sparse);
	for (size_t i = 0; i < before.nr; i++)
		nr_moved += before.pfns[i] != after.pfns[i];
	*present &= frames_count_present(&after) == (after.nr + 1) / 2;
	*whole &= sparse_area_holds(&sparse);
	frames_free(&before);
	frames_free(&after);
	area_destroy(&sparse);
	return nr_moved;
}

static void test_compact(void)
{
	static struct hoard secrets = { .kind = AREA_SECRET, .seed = 600 };
	u64 size = (u64)meminfo_kb("MemTotal") * KIB / 100 * 60;
	static struct hoard dropped = { .kind = AREA_SECRET, .seed = 500 };
	bool present = true, whole = true;
	size_t nr_moved = 0;

	ktap_plan(5);
	hoard_take_share(&dropped, STEP_BYTES, 15);
	take_small_secrets(&secrets);
	hoard_drop(&dropped);
	/* Now and then none moves; why is not known */
	for (int i = 0; i < COMPACT_TRIES && !nr_moved; i++)
		nr_moved = compact_once(size & ~(PAGE_SIZE - 1), &present, &whole);
	ktap_ok(nr_moved, "compaction moved %zu pages", nr_moved);
	ktap_ok(present, "all of them to mapped memory");
	ktap_ok(whole, "they hold what they held");
	ktap_ok(hoard_is_whole_and_absent(&secrets),
		"secrets are whole and absent");
	validator_report();
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*test)(void);
	} tests[] = {
		{ "gigantic", test_gigantic },
		{ "cma", test_cma },
		{ "compact", test_compact },
	};

	for (size_t i = 0; argc == 2 && i < ARRAY_SIZE(tests); i++) {
		if (strcmp(argv[1], tests[i].name))
			continue;
		tests[i].test();
		return ktap_finish();
	}
	fputs(usage, stderr);
	return EXIT_USAGE;
}

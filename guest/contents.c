// SPDX-License-Identifier: GPL-2.0-only
/*
 * Secret memory holds what was written to it, wherever it was written from:
 * in order, in scattered order, through a second mapping, after munmap.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/mman.h>

#include "area.h"
#include "ktap.h"
#include "mark.h"

#define SIZE		(64 * MIB)
#define NR_PAGES	(SIZE / PAGE_SIZE)

static void test_in_order(void)
{
	struct area area = secret_area(SIZE);

	mark_fill_pages(area.start, NR_PAGES, 1);
	ktap_ok(!mark_count_wrong_pages(area.start, NR_PAGES, 1),
		"64 MiB read back as written");
	area_destroy(&area);
}

/* A stride that shares no factor with the number of pages visits all. */
static void test_scattered(void)
{
	struct area area = secret_area(SIZE);
	size_t nr_wrong = 0;

	for (size_t i = 0, at = 0; i < NR_PAGES; i++, at = (at + 7919) % NR_PAGES)
		mark_fill_pages(area_page(&area, at), 1, at);
	for (size_t i = 0; i < NR_PAGES; i++)
		nr_wrong += mark_count_wrong_pages(area_page(&area, i), 1, i);
	ktap_ok(!nr_wrong, "64 MiB first touched in scattered order");
	area_destroy(&area);
}

static void test_second_mapping(void)
{
	struct area area = secret_area(4 * MIB);
	void *second = mmap(NULL, area.size, PROT_READ, MAP_SHARED, area.fd, 0);

	if (second == MAP_FAILED)
		die_errno("second mmap");
	mark_fill_pages(area.start, area_nr_pages(&area), 2);
	ktap_ok(!mark_count_wrong_pages(second, area_nr_pages(&area), 2),
		"a second mapping shows the same contents");
	if (munmap(area.start, area.size))
		die_errno("munmap");
	ktap_ok(!mark_count_wrong_pages(second, area_nr_pages(&area), 2),
		"and keeps them when the first is unmapped");

	area.start = mmap(area.start, area.size, PROT_READ | PROT_WRITE,
			  MAP_SHARED, area.fd, 0);
	area.reserved = area.start;
	ktap_ok(area.start != MAP_FAILED &&
		!mark_count_wrong_pages(area.start, area_nr_pages(&area), 2),
		"a mapping made anew shows them too");
	munmap(second, area.size);	/* only address space is at stake */
	area_destroy(&area);
}

/* MADV_DONTNEED drops the mapping of a shared file, never its contents. */
static void test_dontneed(void)
{
	struct area area = secret_area(4 * MIB);

	mark_fill_pages(area.start, area_nr_pages(&area), 3);
	if (madvise(area.start, area.size, MADV_DONTNEED))
		die_errno("madvise");
	ktap_ok(!mark_count_wrong_pages(area.start, area_nr_pages(&area), 3),
		"MADV_DONTNEED loses nothing");
	area_destroy(&area);
}

static void test_private_refused(void)
{
	int fd = secret_create_sized(PAGE_SIZE);

	ktap_ok(mmap(NULL, PAGE_SIZE, PROT_READ, MAP_PRIVATE, fd, 0) ==
		MAP_FAILED, "a private mapping is refused");
}

int main(void)
{
	ktap_plan(7);
	test_in_order();
	test_scattered();
	test_second_mapping();
	test_dontneed();
	test_private_refused();
	return ktap_finish();
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Anonymous memory that fills RAM.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>

#include "area.h"
#include "filling.h"
#include "kfile.h"
#include "kstat.h"
#include "mark.h"
#include "pagemap.h"

#define LOOK_EVERY	64
#define ORDER_OF_BLOCK	9

/*
 * How the kernel behaves while memory is full: low watermarks, which no fallback
 * raises, and short lists of pages on each CPU.
 */
static const struct setting {
	const char *path;
	u64 full;
} settings[FILLING_SETTINGS] = {
	{ "/proc/sys/vm/min_free_kbytes", 1024 },
	{ "/proc/sys/vm/watermark_boost_factor", 0 },
	{ "/proc/sys/vm/percpu_pagelist_high_fraction", 1000000 },
};

static void set(const struct setting *setting, u64 value)
{
	if (kfile_write_number(setting->path, value))
		die_errno("%s", setting->path);
}

size_t free_pages_now(void)
{
	struct sysinfo info;

	if (sysinfo(&info))
		die_errno("sysinfo");
	return info.freeram * info.mem_unit / PAGE_SIZE;
}

/* "Node 0, zone DMA32 N0 N1 ... N10" */
size_t free_blocks_read(void)
{
	FILE *file = fopen("/proc/buddyinfo", "re");
	size_t sum = 0, n9, n10;
	char line[256];

	if (!file)
		die_errno("/proc/buddyinfo");
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "Node %*d, zone %*s %*u %*u %*u %*u %*u %*u %*u %*u %*u %zu %zu",
			   &n9, &n10) == 2)
			sum += n9 + 2 * n10;
	fclose(file);	/* read only: nothing can be lost */
	return sum;
}

/* Memory that is there before RAM is full, not merely promised. */
static void *alloc_touched(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (memory == MAP_FAILED)
		die_errno("mmap of %zu bytes", size);
	return memory;
}

static void note_frames(struct filling *filling)
{
	pagemap_read(filling->start, filling->nr_pages, filling->pfns);
	memset(filling->held, true, filling->nr_pages);
	for (size_t i = 0; i < filling->nr_pages; i++) {
		if (filling->pfns[i] == PFN_NONE)
			die(EXIT_FAILED, "page %zu was touched and is gone", i);
		if (filling->pfns[i] >= filling->end_pfn)
			filling->end_pfn = filling->pfns[i] + 1;
	}
}

/* Reserve @nr_pages, and what is noted of each; none is touched yet. */
static struct area reserve(struct filling *filling, size_t nr_pages, u64 seed)
{
	struct area area;

	*filling = (struct filling) { .seed = seed };
	filling->pfns = alloc_touched(nr_pages * sizeof(*filling->pfns));
	filling->held = alloc_touched(nr_pages * sizeof(*filling->held));
	area = area_create(AREA_ANON, nr_pages * PAGE_SIZE);
	filling->start = area.start;
	return area;
}

static void touch_next(struct filling *filling, const struct area *area)
{
	*(volatile u64 *)area_page(area, filling->nr_pages++) = 1;
}

void filling_take(struct filling *filling, u64 seed)
{
	/* All of RAM is more than there is to be had: only the rest is touched. */
	size_t max_pages = (size_t)meminfo_kb("MemTotal") * KIB / PAGE_SIZE;
	struct area area = reserve(filling, max_pages, seed);

	for (size_t i = 0; i < FILLING_SETTINGS; i++) {
		filling->settings[i] = kfile_number(settings[i].path, 10);
		set(&settings[i], settings[i].full);
	}
	while (filling->nr_pages < max_pages) {
		if (filling->nr_pages % LOOK_EVERY == 0 &&
		    free_pages_now() < FILLING_NR_FREE)
			break;
		touch_next(filling, &area);
	}
	note_frames(filling);
}

void filling_take_pages(struct filling *filling, size_t nr_pages, u64 seed)
{
	struct area area = reserve(filling, nr_pages, seed);

	while (filling->nr_pages < nr_pages)
		touch_next(filling, &area);
	note_frames(filling);
}

void filling_restore(struct filling *filling)
{
	for (size_t i = 0; i < FILLING_SETTINGS; i++)
		set(&settings[i], filling->settings[i]);
}

static void drop_range(struct filling *filling, size_t first, size_t end)
{
	if (madvise(filling->start + first * PAGE_SIZE,
		    (end - first) * PAGE_SIZE, MADV_DONTNEED))
		die_errno("madvise(MADV_DONTNEED)");
	memset(filling->held + first, false, end - first);
}

void filling_drop_page(struct filling *filling, size_t page)
{
	drop_range(filling, page, page + 1);
}

/* Of each 1 / @nr_keep of a block the first page that is held. */
static void choose_kept(const struct filling *filling, size_t nr_keep, bool *kept)
{
	size_t stride = PAGES_PER_BLOCK / nr_keep;
	size_t nr_strides = filling->end_pfn / stride + 1;
	bool *served = alloc_touched(nr_strides);

	for (size_t i = 0; i < filling->nr_pages; i++) {
		size_t nr = filling->pfns[i] / stride;

		kept[i] = filling->held[i] && !served[nr];
		served[nr] |= kept[i];
	}
	munmap(served, nr_strides);	/* only address space is at stake */
}

void filling_thin_out(struct filling *filling, size_t nr_keep)
{
	bool *kept = alloc_touched(filling->nr_pages);
	size_t first = 0;

	if (nr_keep)
		choose_kept(filling, nr_keep, kept);
	for (size_t i = 0; i <= filling->nr_pages; i++) {
		if (i < filling->nr_pages && !kept[i])
			continue;
		if (i > first)
			drop_range(filling, first, i);
		first = i + 1;
		if (i < filling->nr_pages)
			mark_fill_pages(filling->start + i * PAGE_SIZE, 1,
					filling->seed + i);
	}
	munmap(kept, filling->nr_pages);	/* only address space */
}

size_t filling_nr_held(const struct filling *filling)
{
	size_t nr = 0;

	for (size_t i = 0; i < filling->nr_pages; i++)
		nr += filling->held[i];
	return nr;
}

size_t filling_count_wrong(const struct filling *filling)
{
	size_t nr = 0;

	for (size_t i = 0; i < filling->nr_pages; i++)
		if (filling->held[i])
			nr += mark_count_wrong_pages(filling->start + i * PAGE_SIZE,
						     1, filling->seed + i);
	return nr;
}

// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kfile.h"
#include "map.h"
#include "ptdump.h"

#define GAP_MAX		(32 * MIB)	/* within a span */
#define BLOCK_PAGES	512UL		/* where the kernel does not say */
#define BLOCK_PAGES_MAX	32768UL
#define NR_BLOCKS_MAX	(16UL << 20)	/* 32 TiB in blocks of 2 MiB */
#define NR_FLAGS_A_READ	16384

/* Bits of /proc/kpageflags, see linux/kernel-page-flags.h. */
#define FLAG_BUDDY	(1ULL << 10)
#define FLAG_NOPAGE	(1ULL << 20)
#define FLAG_UNMAPPED	(1ULL << 43)	/* may be something else on other kernels */

const char * const mapping_names[NR_MAPPINGS] = {
	[MAPPING_UNKNOWN] = "not known",
	[MAPPING_1G]	= "mapped by 1 GiB",
	[MAPPING_2M]	= "mapped by 2 MiB",
	[MAPPING_4K]	= "split into 4 KiB",
	[MAPPING_HOLES]	= "split, some absent",
	[MAPPING_NONE]	= "unmapped",
};

const char * const mapping_keys[NR_MAPPINGS] = {
	[MAPPING_UNKNOWN] = "unknown",
	[MAPPING_1G]	= "1g",
	[MAPPING_2M]	= "2m",
	[MAPPING_4K]	= "4k",
	[MAPPING_HOLES]	= "holes",
	[MAPPING_NONE]	= "unmapped",
};

const char * const use_names[NR_USES] = {
	[USE_UNKNOWN] = "use not known", [USE_FREE] = "free", [USE_PARTLY] = "partly used",
	[USE_FULL] = "full",
};

const char * const use_keys[NR_USES] = {
	[USE_UNKNOWN] = "use_unknown", [USE_FREE] = "free", [USE_PARTLY] = "partly",
	[USE_FULL] = "full",
};

enum use block_use(const struct block *block)
{
	if (!block->use_known)
		return USE_UNKNOWN;
	if (!block->nr_used)
		return USE_FREE;
	return block->nr_used < block->nr_pages ? USE_PARTLY : USE_FULL;
}

struct block blocks_join(const struct block *blocks, size_t nr)
{
	/* From what is ordinary to what a viewer looks for. */
	static const unsigned char weight[NR_MAPPINGS] = {
		[MAPPING_UNKNOWN] = 0, [MAPPING_1G] = 1, [MAPPING_2M] = 2, [MAPPING_4K] = 3,
		[MAPPING_NONE] = 4, [MAPPING_HOLES] = 5,
	};
	struct block sum = { .no_ram = true, .use_known = true };
	u64 nr_pages = 0, nr_used = 0;

	for (size_t i = 0; i < nr; i++) {
		if (blocks[i].no_ram)
			continue;
		sum.no_ram = false;
		sum.use_known &= blocks[i].use_known;
		nr_pages += blocks[i].nr_pages;
		nr_used += blocks[i].nr_used;
		if (weight[blocks[i].mapping] > weight[sum.mapping])
			sum.mapping = blocks[i].mapping;
	}
	/* The counts of one block are what there is room for: keep the proportion. */
	if (nr_pages > BLOCK_PAGES_MAX) {
		u64 used = nr_used * BLOCK_PAGES_MAX / nr_pages;

		nr_used = nr_used && !used ? 1 : used;
		nr_pages = BLOCK_PAGES_MAX;
	}
	sum.nr_pages = (unsigned short)nr_pages;
	sum.nr_used = (unsigned short)nr_used;
	return sum;
}

/* --- where RAM is */

static void read_block_bytes(struct map *map)
{
	struct kfile file;
	u64 pages;

	map->block_bytes = BLOCK_PAGES * PAGE_BYTES;
	if (!kfile_read(&file, "/proc/pagetypeinfo"))
		return;
	for (char *line; (line = kfile_line(&file));) {
		if (strncmp(line, "Pages per block:", 16))
			continue;
		line += 16;
		line += strspn(line, " ");
		if (parse_number(line, 10, &pages, NULL) && pages && !(pages & (pages - 1)) &&
		    pages <= BLOCK_PAGES_MAX)
			map->block_bytes = pages * PAGE_BYTES;
		break;
	}
	kfile_free(&file);
}

/* Make the last span reach to block @end (a number), with blocks without RAM. */
static void extend_span(struct map *map, struct span *span, size_t nr)
{
	span->blocks = xrealloc(span->blocks, nr, sizeof(*span->blocks));
	for (size_t i = span->nr; i < nr; i++)
		span->blocks[i] = (struct block) { .no_ram = true };
	map->nr_blocks += nr - span->nr;
	span->nr = nr;
}

static struct span *span_for(struct map *map, u64 start)
{
	struct span *last = map->nr_spans ? &map->spans[map->nr_spans - 1] : NULL;

	if (last && start <= last->start + last->nr * map->block_bytes + GAP_MAX)
		return last;
	map->spans = xrealloc(map->spans, map->nr_spans + 1, sizeof(*map->spans));
	map->spans[map->nr_spans] = (struct span) { .start = start };
	return &map->spans[map->nr_spans++];
}

/* RAM at [start, end). Ranges come in order; others are left out. */
static void add_ram(struct map *map, u64 start, u64 end)
{
	u64 first = start & ~(map->block_bytes - 1);
	u64 last = (end + map->block_bytes - 1) & ~(map->block_bytes - 1);
	struct span *span;

	if ((last - first) / map->block_bytes > NR_BLOCKS_MAX - map->nr_blocks)
		die(EXIT_CANNOT, "/proc/iomem shows more memory than a map has room for");
	span = span_for(map, first);
	if (first < span->start)
		return;
	if (span->start + span->nr * map->block_bytes < last)
		extend_span(map, span, (last - span->start) / map->block_bytes);
	for (u64 at = first; at < last; at += map->block_bytes) {
		struct block *block = &span->blocks[(at - span->start) / map->block_bytes];
		u64 from = at > start ? at : start;
		u64 to = at + map->block_bytes < end ? at + map->block_bytes : end;
		u64 nr = (to - from) / PAGE_BYTES + block->nr_pages;
		u64 most = map->block_bytes / PAGE_BYTES;

		block->no_ram = false;
		block->nr_pages = (unsigned short)(nr < most ? nr : most);
	}
}

/* "  START-END : System RAM"; to others than root both are 0. */
static bool parse_ram(const char *line, u64 *start, u64 *end)
{
	line += strspn(line, " ");
	if (!parse_number(line, 16, start, &line) || *line != '-' ||
	    !parse_number(line + 1, 16, end, &line) || strcmp(line, " : System RAM"))
		return false;
	if (*end >= 1ULL << 52 || *start >= *end)
		return false;
	*end += 1;	/* the file shows the last byte */
	*start = (*start + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1);
	*end &= ~(PAGE_BYTES - 1);
	return *start < *end;
}

static void read_ram(struct map *map)
{
	struct kfile file;
	u64 start, end;

	if (!kfile_read(&file, "/proc/iomem"))
		die(EXIT_CANNOT, "cannot read /proc/iomem: %s", strerror(errno));
	for (char *line; (line = kfile_line(&file));)
		if (parse_ram(line, &start, &end))
			add_ram(map, start, end);
	kfile_free(&file);
	if (!map->nr_spans)
		die(EXIT_CANNOT, "a map needs root: /proc/iomem shows no addresses of RAM");
}

/* --- how it is mapped */

/* Pages of [start, end) that @range covers. */
static u64 overlap(const struct pt_range *range, u64 start, u64 end)
{
	if (range->start > start)
		start = range->start;
	if (range->end < end)
		end = range->end;
	return start < end ? (end - start) / PAGE_BYTES : 0;
}

static void set_mapping(const struct ptdump *dump, struct block *block, u64 start, u64 end)
{
	const struct pt_range *range = ptdump_find(dump, start);
	enum pt_level lowest = LEVEL_ABOVE;
	u64 nr_present = 0, nr_absent = 0;

	for (; range && range < dump->ranges + dump->nr && range->start < end; range++) {
		u64 nr = overlap(range, start, end);

		if (!range->present) {
			nr_absent += nr;
			continue;
		}
		nr_present += nr;
		if (nr && range->level < lowest)
			lowest = range->level;
	}
	/* Holes between RAM of one block are no pages that left. */
	if (nr_present + nr_absent > block->nr_pages)
		nr_absent = nr_present < block->nr_pages ? block->nr_pages - nr_present : 0;
	block->nr_absent = (unsigned short)nr_absent;
	if (!nr_present)
		block->mapping = nr_absent ? MAPPING_NONE : MAPPING_UNKNOWN;
	else if (nr_absent)
		block->mapping = MAPPING_HOLES;
	else
		block->mapping = lowest == LEVEL_PTE ? MAPPING_4K :
				 lowest == LEVEL_PMD ? MAPPING_2M : MAPPING_1G;
}

static void read_mapping(struct map *map)
{
	struct ptdump dump;

	if (!ptdump_read(&dump, &map->missing_mapping))
		return;
	map->missing_mapping = NULL;
	for (size_t i = 0; i < map->nr_spans; i++) {
		struct span *span = &map->spans[i];

		for (size_t j = 0; j < span->nr; j++) {
			u64 start = span->start + j * map->block_bytes;

			if (!span->blocks[j].no_ram)
				set_mapping(&dump, &span->blocks[j], start,
					    start + map->block_bytes);
		}
	}
	ptdump_free(&dump);
}

/* --- what is used, and of which blocks the flags say that they are unmapped */

/* The flags of a block, those that the file still has; how many these are. */
static size_t read_flags(int fd, u64 *flags, u64 phys, size_t nr)
{
	ssize_t n = pread(fd, flags, nr * sizeof(*flags),
			  (off_t)(phys / PAGE_BYTES * sizeof(*flags)));

	return n > 0 ? (size_t)n / sizeof(*flags) : 0;
}

static void set_use(const struct map *map, struct block *block, const u64 *flags,
		    size_t nr_flags, size_t nr)
{
	u64 nr_pages = 0, nr_used = 0, nr_unmapped = 0;

	if (nr_flags < nr)
		return;
	for (size_t i = 0; i < nr; i++) {
		nr_pages += !(flags[i] & FLAG_NOPAGE);
		nr_used += !(flags[i] & (FLAG_NOPAGE | FLAG_BUDDY));
		nr_unmapped += !!(flags[i] & FLAG_UNMAPPED);
	}
	block->use_known = true;
	/* What the firmware keeps has pages too, which are no RAM. */
	if (nr_pages < block->nr_pages)
		block->nr_pages = (unsigned short)nr_pages;
	block->nr_used = (unsigned short)(nr_used < block->nr_pages ? nr_used : block->nr_pages);
	/* The page tables know better, where they can be read. */
	if (map->flags_tell && block->mapping == MAPPING_UNKNOWN && nr_unmapped == nr) {
		block->mapping = MAPPING_NONE;
		block->nr_absent = block->nr_pages;
	}
}

static void read_span_use(const struct map *map, struct span *span, int fd, u64 *flags)
{
	size_t nr_pages = map->block_bytes / PAGE_BYTES;
	size_t at_once = NR_FLAGS_A_READ / nr_pages ? NR_FLAGS_A_READ / nr_pages : 1;

	for (size_t i = 0; i < span->nr; i += at_once) {
		size_t nr = span->nr - i < at_once ? span->nr - i : at_once;
		size_t nr_flags = read_flags(fd, flags, span->start + i * map->block_bytes,
					     nr * nr_pages);

		for (size_t j = 0; j < nr; j++) {
			size_t before = j * nr_pages;

			if (!span->blocks[i + j].no_ram)
				set_use(map, &span->blocks[i + j], flags + before,
					nr_flags > before ? nr_flags - before : 0, nr_pages);
		}
	}
}

static void read_use(struct map *map)
{
	int fd = kfile_open("/proc/kpageflags");
	char line[16];
	u64 *flags;

	if (fd < 0) {
		map->missing_use = "cannot read /proc/kpageflags (CONFIG_PROC_PAGE_MONITOR, root)";
		return;
	}
	map->flags_tell = kfile_read_line("/proc/sys/vm/unmapped_alloc", line, sizeof(line));
	flags = xcalloc(BLOCK_PAGES_MAX, sizeof(*flags));
	for (size_t i = 0; i < map->nr_spans; i++)
		read_span_use(map, &map->spans[i], fd, flags);
	free(flags);
	close(fd);	/* read only: nothing can be lost */
}

/* --- */

static void count_blocks(struct map *map)
{
	for (size_t i = 0; i < map->nr_spans; i++) {
		const struct span *span = &map->spans[i];

		for (size_t j = 0; j < span->nr; j++) {
			const struct block *block = &span->blocks[j];

			if (block->no_ram)
				continue;
			map->nr_by_mapping[block->mapping]++;
			map->nr_by_use[block_use(block)]++;
			map->nr_pages += block->nr_pages;
			map->nr_used += block->nr_used;
			map->nr_absent += block->nr_absent;
		}
	}
}

void map_read(struct map *map)
{
	memset(map, 0, sizeof(*map));
	if (!kfile_read_line("/proc/sys/kernel/osrelease", map->kernel, sizeof(map->kernel)))
		copy_printable(map->kernel, "unknown", sizeof(map->kernel));
	read_block_bytes(map);
	read_ram(map);
	read_mapping(map);
	read_use(map);
	count_blocks(map);
}

void map_free(struct map *map)
{
	for (size_t i = 0; i < map->nr_spans; i++)
		free(map->spans[i].blocks);
	free(map->spans);
	memset(map, 0, sizeof(*map));
}

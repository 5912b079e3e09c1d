// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel's own translations of physical memory, read from its page-table
 * dump.
 */
#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dmap.h"
#include "kpage.h"
#include "pagemap.h"

#define DUMP_FILE	"/sys/kernel/debug/page_tables/kernel"
#define EFI_DUMP_FILE	"/sys/kernel/debug/page_tables/efi"
#define KERNEL_IMAGE	0xffffffff80000000ULL
#define NO_PHYS		(~0ULL)

static FILE *open_or_die(const char *path)
{
	FILE *file = fopen(path, "re");

	if (!file)
		die_errno("%s", path);
	return file;
}

/* One segment of /proc/kcore that stands for physical memory. */
static void take_segment(struct dmap *map, const Elf64_Phdr *segment)
{
	if (segment->p_type != PT_LOAD || segment->p_paddr == NO_PHYS)
		return;
	if (segment->p_vaddr >= KERNEL_IMAGE) {
		map->image_start = segment->p_vaddr;
		/* To the end of the last entry of 2 MiB: boot maps so much */
		map->image_end = (segment->p_vaddr + segment->p_memsz + BLOCK_BYTES - 1) &
				 -BLOCK_BYTES;
		map->image_phys = segment->p_paddr;
	} else if (segment->p_memsz) {
		map->base = segment->p_vaddr - segment->p_paddr;
	}
}

/* Only the headers are read, never the memory behind them. */
static void read_layout(struct dmap *map)
{
	FILE *file = open_or_die("/proc/kcore");
	Elf64_Ehdr header;
	Elf64_Phdr segment;

	if (fread(&header, sizeof(header), 1, file) != 1)
		die_errno("/proc/kcore");
	for (int i = 0; i < header.e_phnum; i++) {
		long offset = (long)(header.e_phoff + i * sizeof(segment));

		if (fseek(file, offset, SEEK_SET) ||
		    fread(&segment, sizeof(segment), 1, file) != 1)
			die_errno("/proc/kcore");
		take_segment(map, &segment);
	}
	fclose(file);	/* read only: nothing can be lost */
	if (!map->base || !map->image_start)
		die(EXIT_CANNOT_RUN, "/proc/kcore does not show the layout");
}

static unsigned int level_page_size(const char *level)
{
	static const struct {
		const char *name;
		unsigned int page_size;
	} levels[] = {
		{ "pte", 4 }, { "pmd", 2048 }, { "pud", 1024 * 1024 },
		{ "p4d", 512 * 1024 * 1024 }, { "pgd", 512 * 1024 * 1024 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(levels); i++)
		if (!strcmp(level, levels[i].name))
			return levels[i].page_size;
	die(EXIT_CANNOT_RUN, DUMP_FILE ": unknown level %s", level);
}

/*
 * "0xSTART-0xEND SIZE [FLAG...] LEVEL"; an entry that is present shows RW or
 * ro, one that is not shows no flag at all.
 */
static bool parse_range(char *line, struct dmap_range *range)
{
	const char *last = NULL;
	char *next = NULL;

	if (sscanf(line, "0x%lx-0x%lx", &range->start, &range->end) != 2)
		return false;
	range->present = false;
	strtok_r(line, " \n", &next);
	for (char *word; (word = strtok_r(NULL, " \n", &next)); last = word)
		if (!strcmp(word, "RW") || !strcmp(word, "ro"))
			range->present = true;
	if (!last)
		die(EXIT_CANNOT_RUN, DUMP_FILE ": cannot read a line");
	range->page_size = level_page_size(last);
	return true;
}

static void add_range(struct dmap *map, const struct dmap_range *range)
{
	/* Room doubles whenever the number of ranges is a power of two. */
	if (!(map->nr_ranges & (map->nr_ranges - 1))) {
		size_t room = map->nr_ranges ? map->nr_ranges * 2 : 1;

		map->ranges = realloc(map->ranges, room * sizeof(*range));
		if (!map->ranges)
			die_errno("no memory for the dump");
	}
	map->ranges[map->nr_ranges++] = *range;
}

static void load_from(struct dmap *map, const char *path, bool low_half)
{
	struct dmap_range range;
	size_t size = 0;
	char *line = NULL;
	FILE *file;

	memset(map, 0, sizeof(*map));
	read_layout(map);
	file = open_or_die(path);
	while (getline(&line, &size, file) > 0) {
		if (parse_range(line, &range) && (low_half || (int64_t)range.start < 0))
			add_range(map, &range);
	}
	if (!map->nr_ranges)
		die(EXIT_CANNOT_RUN, "%s shows nothing", path);
	free(line);
	fclose(file);	/* read only: nothing can be lost */
}

void dmap_load(struct dmap *map)
{
	load_from(map, DUMP_FILE, false);
}

void dmap_load_efi(struct dmap *map)
{
	load_from(map, EFI_DUMP_FILE, true);
}

void dmap_free(struct dmap *map)
{
	free(map->ranges);
	memset(map, 0, sizeof(*map));
}

/* The dump leaves no gaps: an address outside it means that we misread it. */
static const struct dmap_range *find_range(const struct dmap *map, u64 addr)
{
	size_t low = 0, high = map->nr_ranges;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (map->ranges[middle].end <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == map->nr_ranges || map->ranges[low].start > addr)
		die(EXIT_CANNOT_RUN, "the dump does not show %lx", addr);
	return &map->ranges[low];
}

static bool image_maps(const struct dmap *map, u64 pfn)
{
	u64 phys = pfn * PAGE_SIZE;
	u64 image_bytes = map->image_end - map->image_start;

	/* Compare sizes: the address of a frame far behind it would wrap round. */
	return phys >= map->image_phys && phys - map->image_phys < image_bytes &&
	       find_range(map, phys - map->image_phys + map->image_start)->present;
}

bool dmap_pfn_present(const struct dmap *map, u64 pfn)
{
	return find_range(map, map->base + pfn * PAGE_SIZE)->present || image_maps(map, pfn);
}

bool dmap_identity_present(const struct dmap *efi, u64 pfn)
{
	return find_range(efi, pfn * PAGE_SIZE)->present;
}

size_t dmap_count_twice(const struct dmap *map)
{
	u64 start = map->image_phys / PAGE_SIZE;
	u64 nr_pages = (map->image_end - map->image_start) / PAGE_SIZE;
	size_t nr = 0;

	for (u64 pfn = start; pfn < start + nr_pages; pfn++)
		nr += image_maps(map, pfn) && !kpage_has_flag(pfn, KPF_RESERVED);
	return nr;
}

size_t dmap_count_present(const struct dmap *map, const u64 *pfns, size_t nr)
{
	size_t nr_present = 0;

	for (size_t i = 0; i < nr; i++)
		if (pfns[i] != PFN_NONE)
			nr_present += dmap_pfn_present(map, pfns[i]);
	return nr_present;
}

static u64 lower(u64 a, u64 b)
{
	return a < b ? a : b;
}

/* The block at @addr, of which [addr, end) is RAM. */
static char block_symbol(const struct dmap *map, u64 addr, u64 end)
{
	const struct dmap_range *range = find_range(map, addr);

	if (range->page_size > 2048)
		return range->present ? 'G' : 'u';
	if (range->page_size == 2048)
		return range->present ? 'M' : 'u';
	for (; range < map->ranges + map->nr_ranges &&
	       range->start < end; range++)
		if (!range->present)
			return 'x';
	return 's';
}

/* [start, end) of the next range of RAM in @iomem; false at the end. */
static bool next_ram(FILE *iomem, u64 *start, u64 *end)
{
	char line[256];

	while (fgets(line, sizeof(line), iomem)) {
		if (!strstr(line, " : System RAM") ||
		    sscanf(line, "%lx-%lx", start, end) != 2)
			continue;
		*end += 1;	/* the file shows the last byte */
		return true;
	}
	return false;
}

u64 dmap_count_pages(const struct dmap *map, u64 start, u64 end)
{
	u64 nr_bytes = 0;

	for (size_t i = 0; i < map->nr_ranges; i++) {
		const struct dmap_range *range = &map->ranges[i];

		if (range->present && range->start < end && range->end > start)
			nr_bytes += lower(range->end, end) -
				    (range->start > start ? range->start : start);
	}
	return nr_bytes / PAGE_SIZE;
}

u64 dmap_nr_frames(void)
{
	FILE *iomem = open_or_die("/proc/iomem");
	u64 start, end = 0;

	while (next_ram(iomem, &start, &end))
		;
	fclose(iomem);	/* read only: nothing can be lost */
	return end / PAGE_SIZE;
}

u64 dmap_count_absent_ram(const struct dmap *map)
{
	FILE *iomem = open_or_die("/proc/iomem");
	u64 start, end, nr = 0;

	while (next_ram(iomem, &start, &end))
		for (u64 addr = start; addr < end; addr += PAGE_SIZE)
			nr += !find_range(map, map->base + addr)->present;
	fclose(iomem);	/* read only: nothing can be lost */
	return nr;
}

void dmap_print_blocks(const struct dmap *map, const char *name)
{
	FILE *iomem = open_or_die("/proc/iomem");
	u64 addr = 0, start, end;

	printf("%s=", name);
	while (next_ram(iomem, &start, &end)) {
		for (; addr + BLOCK_BYTES <= start; addr += BLOCK_BYTES)
			putchar('-');
		for (; addr < end; addr += BLOCK_BYTES)
			putchar(block_symbol(map, map->base + addr, map->base +
					     lower(end, addr + BLOCK_BYTES)));
	}
	putchar('\n');
	fclose(iomem);	/* read only: nothing can be lost */
}

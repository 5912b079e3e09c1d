/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Physical memory by pageblock: how the direct map maps each block, and how
 * many of its pages are in use.
 *
 * From /proc/iomem (where RAM is), the dump of the page tables (ptdump.h) and
 * /proc/kpageflags; all of these are root's. Without the dump, the flags of a
 * kernel of ours still tell which blocks are unmapped. A block whose pages leave the
 * direct map or get free while we read may show any of its states.
 */
#ifndef UNMAPPED_MAP_H
#define UNMAPPED_MAP_H

#include "util.h"

enum mapping {
	MAPPING_UNKNOWN,
	MAPPING_1G,		/* by an entry of 1 GiB (or above) */
	MAPPING_2M,
	MAPPING_4K,		/* by 4 KiB entries, at least in part */
	MAPPING_HOLES,		/* some pages are absent */
	MAPPING_NONE,		/* all pages are absent */
	NR_MAPPINGS,
};

enum use { USE_UNKNOWN, USE_FREE, USE_PARTLY, USE_FULL, NR_USES };

struct block {
	unsigned char mapping;	/* enum mapping */
	bool use_known;
	bool no_ram;
	unsigned short nr_pages;	/* of RAM */
	unsigned short nr_used;
	unsigned short nr_absent;
};

/* A run of blocks that hold RAM, but for small holes. */
struct span {
	u64 start;		/* physical address */
	struct block *blocks;
	size_t nr;
};

struct map {
	char kernel[64];
	u64 block_bytes;
	struct span *spans;
	size_t nr_spans, nr_blocks;
	bool flags_tell;	/* which blocks are unmapped; a kernel of ours */
	const char *missing_mapping, *missing_use;	/* why; NULL: nothing is missing */
	/* Of blocks that hold RAM. */
	u64 nr_by_mapping[NR_MAPPINGS], nr_by_use[NR_USES];
	u64 nr_pages, nr_used, nr_absent;
};

/* Dies where it cannot be told where RAM is. */
void map_read(struct map *map);
void map_free(struct map *map);

enum use block_use(const struct block *block);

/* @nr blocks as one: the mapping that matters most, the sums of the pages. */
struct block blocks_join(const struct block *blocks, size_t nr);

/* Names, for legends and, in the key=value form, as keys. */
extern const char * const mapping_names[NR_MAPPINGS], * const mapping_keys[NR_MAPPINGS];
extern const char * const use_names[NR_USES], * const use_keys[NR_USES];

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's own translations of physical memory, as its page-table dump
 * (debugfs page_tables/kernel, CONFIG_PTDUMP_DEBUGFS) shows them: the direct
 * map and the kernel image. A snapshot: nothing changes after dmap_load().
 *
 * Where both stand is read from the program headers of /proc/kcore, so KASLR
 * does no harm. (The markers in the dump are no help: where two of them pass
 * between two entries, the second is printed an entry late.)
 */
#ifndef GUEST_LIB_DMAP_H
#define GUEST_LIB_DMAP_H

#include "util.h"

struct dmap_range {
	u64 start, end;		/* virtual, [start, end) */
	unsigned int page_size;	/* KiB that one entry of this level spans */
	bool present;
};

struct dmap {
	struct dmap_range *ranges;	/* sorted; of the kernel half, but for EFI's */
	size_t nr_ranges;
	u64 base;			/* virtual address of frame 0 */
	u64 image_start, image_end;	/* virtual, the kernel image */
	u64 image_phys;
};

void dmap_load(struct dmap *map);
/*
 * The page tables that EFI's runtime services run on. They have a lower half too, where
 * memory has its physical address.
 */
void dmap_load_efi(struct dmap *map);
/* Is the frame mapped there? */
bool dmap_identity_present(const struct dmap *efi, u64 pfn);
/* How many pages have a present translation in [start, end)? */
u64 dmap_count_pages(const struct dmap *map, u64 start, u64 end);
/* Frames of RAM are below. */
u64 dmap_nr_frames(void);
void dmap_free(struct dmap *map);

/* Has the frame a present translation, by direct map or kernel image? */
bool dmap_pfn_present(const struct dmap *map, u64 pfn);
/* How many of the frames have? PFN_NONE has not. */
size_t dmap_count_present(const struct dmap *map, const u64 *pfns, size_t nr);

/*
 * How many pages does the kernel image map that are not its own, but the page
 * allocator's? They are in the direct map too.
 */
size_t dmap_count_twice(const struct dmap *map);

/* How many frames of RAM have no translation in the direct map? */
u64 dmap_count_absent_ram(const struct dmap *map);

/*
 * Print the direct map of all RAM as "NAME=" and one character for each 2 MiB:
 * G, M  mapped by an entry of 1 GiB, of 2 MiB
 * s     split into 4 KiB entries, all present
 * x     split, some not present
 * u     not present as a whole
 * -     no RAM
 */
void dmap_print_blocks(const struct dmap *map, const char *name);

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The RAM file of a stopped guest as its physical memory (struct ram), the
 * kernel in it and its address spaces (struct guest), and a walk of their page
 * tables as the processor reads them: what leads to pages of interest?
 *
 * A walk is complete or the program ends: a table outside of RAM, or an entry
 * that the processor would refuse, is an error and not an empty place.
 */
#ifndef TOOLS_PGWALK_H
#define TOOLS_PGWALK_H

#include "../guest/lib/util.h"

#define PAGE_SHIFT	12
#define NR_ENTRIES	512U
#define FIRST_OF_KERNEL	256U		/* entry of a top-level table */
#define KERNEL_IMAGE	0xffffffff80000000ULL	/* where it has frame 0 */

struct ram {
	const char *bytes;
	u64 size;		/* of the file, whole pages */
	u64 low_size;		/* below 4 GiB; the rest begins at 4 GiB */
};

/* The machine is QEMU's q35: it decides what lies below 4 GiB. */
struct ram ram_of_file(const char *bytes, u64 size);

static inline u64 ram_nr_pages(const struct ram *ram)
{
	return ram->size >> PAGE_SHIFT;
}

#define NO_PAGE		(~0ULL)
/* Number of the page in the file, NO_PAGE if this is not RAM. */
u64 ram_page_number(const struct ram *ram, u64 phys);
/* What stands at @phys, NULL if this is not RAM. */
const void *ram_at(const struct ram *ram, u64 phys);

struct guest {
	const struct ram *ram;
	unsigned int nr_levels;		/* of page tables: 4 or 5 */
	bool has_pairs;			/* PTI: a PGD's twin lies behind it */
	u64 direct_map;			/* virtual address of frame 0 */
	u64 init_pgd;			/* physical, as all of these: the kernel's */
	u64 *pgds;			/* those of all other address spaces */
	size_t nr_pgds;
};

/*
 * Find the kernel that was built with this System.map, loaded where it was
 * linked. Ends the program where RAM holds another one.
 */
struct guest guest_find(const struct ram *ram, const char *map_path);

/* A present translation to a page that is wanted. */
struct translation {
	u64 virt;
	u64 phys;
	unsigned int level;		/* of its entry. 1: 4 KiB, 2: 2 MiB, 3: 1 GiB */
	bool kernel_half;
	bool user_mode;			/* may user mode use it? */
	size_t space;			/* 0: init_pgd, else 1 + the index in pgds */
};

struct pgwalk {
	const struct guest *guest;
	const unsigned char *wanted;	/* of each page of the file; 0: not */
	void (*found)(void *arg, const struct translation *translation);
	void *arg;
	size_t nr_tables;		/* looked at */
	size_t space;			/* where the walk is */
	unsigned char *nothing_below;	/* of each page: a bit for each level */
};

/* Call @found for each translation, once for each virtual page. */
void pgwalk_all(struct pgwalk *walk);
/* The physical address that the kernel has at @virt; NO_PAGE if none. */
u64 pgwalk_translate(const struct guest *guest, u64 virt);

#endif

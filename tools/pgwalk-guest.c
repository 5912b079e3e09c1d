// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where things lie in a guest's RAM file: physical memory in the file, and the
 * kernel, its page tables and its list of PGDs in physical memory; see pgwalk.h.
 *
 * The kernel is built without RANDOMIZE_BASE, so its image lies where it was
 * linked. That it does, and is the one that the System.map belongs to, is
 * checked and not assumed: phys_base is zero, and the last entry of the kernel's
 * PGD leads to the table that the kernel was built with for it. Which table this
 * is says how many levels are in use, whatever the processor or the
 * configuration can do.
 */
#include <err.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pgwalk.h"

#define FOUR_GIB	(1ULL << 32)
/* From QEMU's pc_q35_init(): so much memory or more is split, at LOW_BYTES. */
#define SPLIT_BYTES	0xb0000000ULL
#define LOW_BYTES	0x80000000ULL
/* The kernel's struct page; its member lru chains the PGDs. */
#define STRUCT_PAGE_BYTES	64
#define LRU_OFFSET		8

#define ENTRY_BITS	0x000ffffffffff001ULL	/* address and PRESENT */

enum symbol {
	INIT_TOP_PGT,
	LEVEL3_KERNEL_PGT,
	LEVEL4_KERNEL_PGT,
	PHYS_BASE,
	PAGE_OFFSET_BASE,
	VMEMMAP_BASE,
	PGD_LIST,
	NR_SYMBOLS,
};

static const char *const symbol_names[NR_SYMBOLS] = {
	[INIT_TOP_PGT] = "init_top_pgt",
	[LEVEL3_KERNEL_PGT] = "level3_kernel_pgt",
	[LEVEL4_KERNEL_PGT] = "level4_kernel_pgt",
	[PHYS_BASE] = "phys_base",
	[PAGE_OFFSET_BASE] = "page_offset_base",
	[VMEMMAP_BASE] = "vmemmap_base",
	[PGD_LIST] = "pgd_list",
};

struct symbols {
	u64 address[NR_SYMBOLS];	/* virtual; 0: not there */
	u64 init_top_pgt_bytes;		/* up to the next symbol */
};

/* ------------------------------------------------------ physical memory */

struct ram ram_of_file(const char *bytes, u64 size)
{
	return (struct ram) {
		.bytes = bytes,
		.size = size,
		.low_size = size < SPLIT_BYTES ? size : LOW_BYTES,
	};
}

u64 ram_page_number(const struct ram *ram, u64 phys)
{
	u64 offset = phys;

	if (phys >= FOUR_GIB)
		offset = phys - FOUR_GIB + ram->low_size;
	else if (phys >= ram->low_size)
		return NO_PAGE;
	return offset < ram->size ? offset >> PAGE_SHIFT : NO_PAGE;
}

const void *ram_at(const struct ram *ram, u64 phys)
{
	u64 page = ram_page_number(ram, phys);

	if (page == NO_PAGE)
		return NULL;
	return ram->bytes + (page << PAGE_SHIFT) + phys % PAGE_SIZE;
}

/* -------------------------------------------------------------- symbols */

static void take_symbol(struct symbols *symbols, const char *name, u64 address)
{
	for (int i = 0; i < NR_SYMBOLS; i++)
		if (!strcmp(name, symbol_names[i]))
			symbols->address[i] = address;
}

/* Lines "ADDRESS TYPE NAME", sorted by address. */
static struct symbols read_map(const char *path)
{
	FILE *file = fopen(path, "re");
	struct symbols symbols = { 0 };
	char line[512], name[256];
	u64 address, pgd;

	if (!file)
		err(EXIT_CANNOT_RUN, "error: %s", path);
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%" SCNx64 " %*c %255s", &address, name) != 2)
			errx(EXIT_CANNOT_RUN, "error: %s is no System.map", path);
		pgd = symbols.address[INIT_TOP_PGT];
		if (pgd && address > pgd && !symbols.init_top_pgt_bytes)
			symbols.init_top_pgt_bytes = address - pgd;
		take_symbol(&symbols, name, address);
	}
	fclose(file);	/* read only: nothing can be lost */
	for (int i = 0; i < NR_SYMBOLS; i++)
		if (symbols.address[i] < KERNEL_IMAGE)
			errx(EXIT_CANNOT_RUN, "error: %s has no %s", path,
			     symbol_names[i]);
	return symbols;
}

static u64 phys_of(const struct symbols *symbols, enum symbol symbol)
{
	return symbols->address[symbol] - KERNEL_IMAGE;
}

/* The word at @phys; 0 where there is no RAM. */
static u64 word_at(const struct ram *ram, u64 phys)
{
	const u64 *word = phys % sizeof(u64) ? NULL : ram_at(ram, phys);

	return word ? *word : 0;
}

static u64 value_of(const struct ram *ram, const struct symbols *symbols,
		    enum symbol symbol)
{
	return word_at(ram, phys_of(symbols, symbol));
}

/* ----------------------------------------------------------- the kernel */

static bool leads_to(const struct ram *ram, u64 table, u64 lower)
{
	u64 last = table + (NR_ENTRIES - 1) * sizeof(u64);

	return (word_at(ram, last) & ENTRY_BITS) == (lower | 1);
}

/* 0: this is not the kernel's PGD. */
static unsigned int count_levels(const struct ram *ram,
				 const struct symbols *symbols)
{
	u64 pgd = phys_of(symbols, INIT_TOP_PGT);
	u64 level3 = phys_of(symbols, LEVEL3_KERNEL_PGT);
	u64 level4 = phys_of(symbols, LEVEL4_KERNEL_PGT);

	if (value_of(ram, symbols, PHYS_BASE))
		return 0;
	if (leads_to(ram, pgd, level3))
		return 4;
	if (leads_to(ram, pgd, level4) && leads_to(ram, level4, level3))
		return 5;
	return 0;
}

/* The PGD whose struct page has its list member at the virtual @node. */
static u64 pgd_of_node(const struct guest *guest, u64 vmemmap, u64 node)
{
	u64 offset = node - LRU_OFFSET - vmemmap;
	u64 pgd = offset / STRUCT_PAGE_BYTES << PAGE_SHIFT;

	if (node < vmemmap || offset % STRUCT_PAGE_BYTES ||
	    !ram_at(guest->ram, pgd))
		errx(EXIT_CANNOT_RUN,
		     "error: pgd_list holds %#" PRIx64 ", which is no page",
		     node);
	return pgd;
}

static void add_pgd(struct guest *guest, u64 pgd)
{
	/* Room doubles whenever the number of PGDs is a power of two. */
	if (!(guest->nr_pgds & (guest->nr_pgds - 1))) {
		size_t room = guest->nr_pgds ? guest->nr_pgds * 2 : 1;

		guest->pgds = realloc(guest->pgds, room * sizeof(pgd));
		if (!guest->pgds)
			err(EXIT_CANNOT_RUN, "error: realloc");
	}
	guest->pgds[guest->nr_pgds++] = pgd;
}

/*
 * Forwards only: the list is complete in this direction at every moment, even
 * if the guest was stopped while it changed it.
 */
static void list_pgds(struct guest *guest, const struct symbols *symbols)
{
	u64 vmemmap = value_of(guest->ram, symbols, VMEMMAP_BASE);
	u64 node = value_of(guest->ram, symbols, PGD_LIST);

	while (node != symbols->address[PGD_LIST]) {
		add_pgd(guest, pgd_of_node(guest, vmemmap, node));
		if (guest->nr_pgds > ram_nr_pages(guest->ram))
			errx(EXIT_CANNOT_RUN, "error: pgd_list has no end");
		node = word_at(guest->ram, pgwalk_translate(guest, node));
	}
}

struct guest guest_find(const struct ram *ram, const char *map_path)
{
	struct symbols symbols = read_map(map_path);
	struct guest guest = {
		.ram = ram,
		.nr_levels = count_levels(ram, &symbols),
		.has_pairs = symbols.init_top_pgt_bytes >= 2 * PAGE_SIZE,
		.direct_map = value_of(ram, &symbols, PAGE_OFFSET_BASE),
		.init_pgd = phys_of(&symbols, INIT_TOP_PGT),
	};

	if (!guest.nr_levels)
		errx(EXIT_CANNOT_RUN,
		     "error: the kernel of %s does not run in this RAM",
		     map_path);
	list_pgds(&guest, &symbols);
	return guest;
}

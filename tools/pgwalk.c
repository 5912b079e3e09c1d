// SPDX-License-Identifier: GPL-2.0-only
/*
 * Walk the page tables of a guest in its RAM file; see pgwalk.h.
 *
 * All address spaces are walked: the kernel's own, and every PGD that
 * pgd_alloc() made, which is one for each process, for text patching, and for
 * the mermap of each CPU. Their kernel halves share the kernel's tables from
 * the second level on; only entries that differ are walked again. What
 * pgd_alloc() did not make has no tables of its own below the first level (the
 * trampoline's) or does not exist in these guests (EFI, kexec).
 *
 * Not done: a search of all RAM for pages that look like page tables. A table
 * that no PGD leads to cannot be used, free pages hold stale ones in numbers,
 * and any page may look like one.
 */
#include <err.h>
#include <stdlib.h>

#include "pgwalk.h"

#define PRESENT		(1ULL << 0)
#define USER		(1ULL << 2)
#define LARGE		(1ULL << 7)	/* in level 1 it is PAT */
#define ADDRESS		0x000ffffffffff000ULL
#define PAGE_BYTES	(1ULL << PAGE_SHIFT)

static unsigned int level_shift(unsigned int level)
{
	return PAGE_SHIFT + 9 * (level - 1);
}

static unsigned int entry_number(u64 virt, unsigned int level)
{
	return (virt >> level_shift(level)) % NR_ENTRIES;
}

static bool is_leaf(u64 entry, unsigned int level)
{
	if (level == 1)
		return true;
	if (level > 3 && (entry & LARGE))
		errx(EXIT_CANNOT_RUN,
		     "error: entry %#llx of a table of level %u is none",
		     (unsigned long long)entry, level);
	return entry & LARGE;
}

static u64 leaf_address(u64 entry, unsigned int level)
{
	/* Above level 1, bit 12 is PAT. */
	return entry & ADDRESS & ~((1ULL << level_shift(level)) - 1);
}

static const u64 *table_at(const struct ram *ram, u64 phys)
{
	const u64 *table = ram_at(ram, phys);

	if (!table)
		errx(EXIT_CANNOT_RUN,
		     "error: a page table at %#llx, which is not RAM",
		     (unsigned long long)phys);
	return table;
}

u64 pgwalk_translate(const struct guest *guest, u64 virt)
{
	u64 entry = guest->init_pgd | PRESENT;

	for (unsigned int level = guest->nr_levels; level; level--) {
		const u64 *table = table_at(guest->ram, entry & ADDRESS);
		u64 offset = virt & ((1ULL << level_shift(level)) - 1);

		entry = table[entry_number(virt, level)];
		if (!(entry & PRESENT))
			break;
		if (is_leaf(entry, level))
			return leaf_address(entry, level) + offset;
	}
	return NO_PAGE;
}

/* From here on: the walk. Each function returns how many were found. */

static size_t walk_leaf(struct pgwalk *walk, u64 entry,
			struct translation at)
{
	u64 start = leaf_address(entry, at.level);
	u64 virt = at.virt;
	size_t nr_found = 0;

	for (u64 offset = 0; offset < 1ULL << level_shift(at.level);
	     offset += PAGE_BYTES) {
		u64 page = ram_page_number(walk->guest->ram, start + offset);

		if (page == NO_PAGE || !walk->wanted[page])
			continue;
		at.virt = virt + offset;
		at.phys = start + offset;
		walk->found(walk->arg, &at);
		nr_found++;
	}
	return nr_found;
}

static size_t walk_entry(struct pgwalk *walk, u64 entry,
			 struct translation at);

/*
 * A table that leads to no wanted page is not walked a second time, whoever
 * shares it: KASAN's shadow is terabytes of the same few tables.
 */
static size_t walk_table(struct pgwalk *walk, u64 phys, struct translation at)
{
	const u64 *table = table_at(walk->guest->ram, phys);
	unsigned char *nothing_below = &walk->nothing_below[
		ram_page_number(walk->guest->ram, phys)];
	u64 start = at.virt;
	size_t nr_found = 0;

	if (*nothing_below & 1 << at.level)
		return 0;
	walk->nr_tables++;
	for (unsigned int i = 0; i < NR_ENTRIES; i++) {
		at.virt = start + ((u64)i << level_shift(at.level));
		nr_found += walk_entry(walk, table[i], at);
	}
	if (!nr_found)
		*nothing_below |= 1 << at.level;
	return nr_found;
}

static size_t walk_entry(struct pgwalk *walk, u64 entry, struct translation at)
{
	if (!(entry & PRESENT))
		return 0;
	at.user_mode = at.user_mode && (entry & USER);
	if (is_leaf(entry, at.level))
		return walk_leaf(walk, entry, at);
	at.level--;
	return walk_table(walk, entry & ADDRESS, at);
}

static bool same_table(u64 entry, u64 other)
{
	return !((entry ^ other) & (ADDRESS | PRESENT));
}

static u64 virt_of(const struct guest *guest, unsigned int number)
{
	unsigned int nr_unused = 64 - PAGE_SHIFT - 9 * guest->nr_levels;
	u64 virt = (u64)number << level_shift(guest->nr_levels);

	/* The bits above repeat the highest one. */
	return (u64)((int64_t)(virt << nr_unused) >> nr_unused);
}

/* @known: walked already, the kernel half where it is the same is left out. */
static void walk_pgd(struct pgwalk *walk, u64 phys, const u64 *known)
{
	const struct guest *guest = walk->guest;
	const u64 *pgd = table_at(guest->ram, phys);

	walk->nr_tables++;
	for (unsigned int i = 0; i < NR_ENTRIES; i++) {
		struct translation at = {
			.virt = virt_of(guest, i),
			.level = guest->nr_levels,
			.kernel_half = i >= FIRST_OF_KERNEL,
			.user_mode = true,
			.space = walk->space,
		};

		if (known && at.kernel_half && same_table(pgd[i], known[i]))
			continue;
		/* How many it has is for those who share a table. */
		(void)walk_entry(walk, pgd[i], at);
	}
}

/* All spaces by their PGDs, or by the twins that lie @offset behind them. */
static void walk_spaces(struct pgwalk *walk, u64 offset)
{
	const struct guest *guest = walk->guest;

	walk->space = 0;
	walk_pgd(walk, guest->init_pgd + offset, NULL);
	for (size_t i = 0; i < guest->nr_pgds; i++) {
		walk->space = i + 1;
		walk_pgd(walk, guest->pgds[i] + offset,
			 table_at(guest->ram, guest->init_pgd + offset));
	}
}

void pgwalk_all(struct pgwalk *walk)
{
	walk->nr_tables = 0;
	walk->nothing_below = calloc(ram_nr_pages(walk->guest->ram), 1);
	if (!walk->nothing_below)
		err(EXIT_CANNOT_RUN, "error: calloc");
	walk_spaces(walk, 0);
	if (walk->guest->has_pairs)
		walk_spaces(walk, PAGE_BYTES);
	free(walk->nothing_below);
	walk->nothing_below = NULL;
}

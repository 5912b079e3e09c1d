/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_X86_UNMAPPED_H
#define _ASM_X86_UNMAPPED_H

/*
 * What the page allocator needs from x86 to keep pageblocks without a
 * translation in the direct map. A block is the pageblock that starts at the
 * given page frame number, which must be aligned to it: 512 pages, 2 MiB.
 *
 * Unless said otherwise: process context, interrupts on, no spinlock held, and
 * the caller owns all pages of the block.
 */

#include <linux/kconfig.h>
#include <linux/types.h>

/**
 * enum arch_block_state - what the page tables say about a block
 * @ARCH_BLOCK_MAPPED: all present, the direct map's default entries
 * @ARCH_BLOCK_UNMAPPED: all not present
 * @ARCH_BLOCK_ODD: a mixture, an entry other than the default, or none at all
 */
enum arch_block_state {
	ARCH_BLOCK_MAPPED,
	ARCH_BLOCK_UNMAPPED,
	ARCH_BLOCK_ODD,
};

#ifdef CONFIG_PAGE_ALLOC_UNMAPPED

/**
 * arch_unmapped_unsupported() - tell why this machine cannot unmap blocks
 *
 * Return: NULL if it can, or the reason in a few words.
 */
const char *arch_unmapped_unsupported(void);

/**
 * arch_unmapped_init() - set aside the page tables that flips may need
 *
 * Must have returned 0 before the first arch_unmap_block(). Calls after that do
 * nothing.
 *
 * Context: Process context, one caller at a time. May sleep.
 * Return: 0, or a negative error code with nothing left behind.
 */
int arch_unmapped_init(void);

/**
 * arch_may_unmap_block() - tell whether a block may ever be unmapped
 * @pfn: first page of the block
 *
 * Return: false where memory of the block is mapped a second time (kernel image, EFI)
 * or not mapped by the direct map at all.
 */
bool arch_may_unmap_block(unsigned long pfn);

/**
 * arch_unmap_block() - make a block not present in the direct map
 * @pfn: first page of the block
 *
 * Allocates nothing and flushes nothing: the block is absent only after a later
 * arch_unmapped_flush().
 *
 * Return: 0; -EINVAL if the page tables hold something else than plain
 * write-back memory, -ENOMEM if a 1 GiB entry is in the way and no page
 * table is left to split it. After an error the block is mapped as before.
 */
int arch_unmap_block(unsigned long pfn);

/**
 * arch_map_block() - make a block present with the direct map's default entries
 * @pfn: first page of a block that arch_unmap_block() made not present
 *
 * Cannot fail, needs no flush. In a block of 4 KiB entries the pages that are marked
 * as poisoned by hardware stay not present. A 2 MiB entry comes back whole: a
 * caller that has poisoned pages in such a block leaves it unmapped, or calls
 * arch_split_block() before.
 */
void arch_map_block(unsigned long pfn);

/**
 * arch_split_block() - map a block by 4 KiB entries, all of them as it is now
 * @pfn: first page of the block, present or not
 *
 * For a block with poisoned pages, before arch_map_block().
 *
 * Return: 0 or -ENOMEM.
 */
int arch_split_block(unsigned long pfn);

/**
 * arch_unmapped_flush() - drop every translation that may be out of date
 *
 * After it no online CPU holds a translation to a block that was unmapped before
 * the call.
 */
void arch_unmapped_flush(void);

/**
 * arch_block_state() - read a block's state from the page tables
 * @pfn: first page of the block
 *
 * Context: Any. The answer is stable if the caller owns the block.
 * Return: see &enum arch_block_state.
 */
enum arch_block_state arch_block_state(unsigned long pfn);

/**
 * arch_block_level() - size of the entries that a block is mapped with
 * @pfn: first page of the block
 *
 * Context: Any. The answer is stable if the caller owns the block.
 * Return: PG_LEVEL_1G, PG_LEVEL_2M or PG_LEVEL_4K, or PG_LEVEL_NONE where there
 * is no entry.
 */
int arch_block_level(unsigned long pfn);

/**
 * arch_drop_image_alias() - unmap addresses of the kernel image that are not its own
 * @start: first of them; one of the direct map is left alone
 * @end: behind the last, page-aligned as @start is
 *
 * For memory that the image gives, or gave, to the page allocator. It stays in the
 * direct map, which then is the only way to it that has to be closed for a secret.
 * What is not mapped already stays so.
 *
 * Context: Process context, at boot. Allocates page tables.
 */
void arch_drop_image_alias(unsigned long start, unsigned long end);

/**
 * arch_drop_efi_alias() - unmap what EFI's page tables map of the page allocator's
 *
 * Of a region of boot services' memory that somebody owns a part of, as of a table
 * that the firmware has left there, the rest is ordinary memory, and yet the region
 * stays mapped for runtime services as a whole.
 *
 * Context: Process context, at boot, with one CPU, when runtime services have their
 * page tables and memblock still knows what is reserved.
 */
void arch_drop_efi_alias(void);

#ifdef CONFIG_EFI
/**
 * arch_efi_maps_all() - tell whether EFI's page tables map all memory twice
 *
 * Context: Any, once runtime services have their page tables.
 * Return: whether the firmware is of 32 bits and the kernel of 64 (mixed mode).
 */
bool arch_efi_maps_all(void);

/**
 * arch_efi_maps_block() - tell whether EFI's page tables may map a part of a block twice
 * @pfn: first page of the block
 *
 * Context: Any, as above. The firmware's memory map does not change.
 * Return: whether there is a region in it that stays mapped for runtime services.
 */
bool arch_efi_maps_block(unsigned long pfn);
#else
static inline bool arch_efi_maps_all(void) { return false; }
static inline bool arch_efi_maps_block(unsigned long pfn) { return false; }
#endif

#if IS_ENABLED(CONFIG_KUNIT)
/* For tests: page tables set aside, and "say nothing of entries refused" */
extern struct list_head arch_unmapped_reserve;
extern bool arch_unmapped_expect_odd;
#endif

#else /* !CONFIG_PAGE_ALLOC_UNMAPPED */

static inline void arch_drop_image_alias(unsigned long start, unsigned long end) { }
static inline void arch_drop_efi_alias(void) { }

#endif /* CONFIG_PAGE_ALLOC_UNMAPPED */

#endif /* _ASM_X86_UNMAPPED_H */

/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_X86_MERMAP_H
#define _ASM_X86_MERMAP_H

/*
 * The architecture's half of the ephemeral mapping: an address space for each
 * CPU and the page-table slots in it. Only mm/mermap.c calls these functions.
 *
 * All but the first two and the last: interrupts off, on the CPU whose address
 * space it is; between enter and leave for those that touch slots.
 */

#include <linux/pgtable.h>
#include <linux/string.h>
#include <linux/types.h>

struct mm_struct;

/* Pages that one block entry maps, see arch_mermap_set_block() */
#define ARCH_MERMAP_BLOCK_PAGES	PTRS_PER_PMD

/* Make the address space of @cpu unless it has one. May sleep. */
int arch_mermap_prepare(unsigned int cpu);

/* Free the address space of @cpu, which must never have been entered. */
void arch_mermap_free(unsigned int cpu);

/* Tell whether this CPU has an address space */
bool arch_mermap_ready(void);

/* Load this CPU's address space. Return what to give to arch_mermap_leave(). */
struct mm_struct *arch_mermap_enter(void);

/* Let interrupts in, with all slots empty, and come back from them. */
void arch_mermap_pause(void);
void arch_mermap_reenter(void);

/* Load the address space @prev again. All slots must be empty. */
void arch_mermap_leave(struct mm_struct *prev);

/* Map page @pfn at slot number @slot, which must be empty */
void *arch_mermap_set_page(unsigned int slot, unsigned long pfn);

/*
 * Empty slots 0 to @nr_slots - 1 and drop their translations. Return how many
 * translations were dropped, one for each slot.
 */
unsigned int arch_mermap_drop_pages(unsigned int nr_slots);

/* Map the ARCH_MERMAP_BLOCK_PAGES pages from @pfn, aligned, at the block slot */
void *arch_mermap_set_block(unsigned long pfn);

/* Empty the block slot and drop its translation. Return 1, as above. */
unsigned int arch_mermap_drop_block(void);

/* Tell whether all slots of @cpu are empty. Any CPU may ask. */
bool arch_mermap_is_idle(int cpu);

/*
 * Copy with no instrumentation: one end is in a slot, and KASAN would report
 * an address in the user half.
 */
static inline void arch_mermap_copy(void *dst, const void *src, size_t len)
{
	__memcpy(dst, src, len);
}

#endif /* _ASM_X86_MERMAP_H */

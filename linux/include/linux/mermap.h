/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _LINUX_MERMAP_H
#define _LINUX_MERMAP_H

/*
 * Ephemeral mapping of pages that have no translation in the direct map.
 *
 * The kernel clears and copies such pages through an address space of the
 * current CPU's own, which is loaded with interrupts off and left before they
 * are enabled again. No function hands out a pointer: everything that touches
 * the pages happens inside the call.
 *
 * Context: all functions that touch pages may be called from any context but
 * NMI, and with interrupts on or off. They fail when called from inside
 * another visit, which only an NMI or a machine check can do.
 */

#include <linux/kconfig.h>
#include <linux/types.h>

struct mm_struct;
struct page;

/** MERMAP_MAX_PAGES - most pages that one stretch with interrupts off touches */
#define MERMAP_MAX_PAGES	16

/**
 * struct mermap_stats - what the ephemeral mapping of one CPU has done
 * @visits: how often the CPU entered its address space
 * @pages: pages cleared, and pages that were the source or target of a copy
 * @invlpg: translations invalidated before leaving, one for each entry set
 * @nested: calls refused: inside a visit, in an NMI, or without address space
 */
struct mermap_stats {
	unsigned long visits;
	unsigned long pages;
	unsigned long invlpg;
	unsigned long nested;
};

#ifdef CONFIG_PAGE_ALLOC_UNMAPPED

/**
 * mermap_init() - make the address spaces of all CPUs
 *
 * Registers a CPU hotplug state that prepares the address space of each CPU
 * before it comes up, so a CPU that runs always has one. Must have returned 0
 * before pages may lose their translation. Calls after that do nothing.
 *
 * Context: Process context, one caller at a time. May sleep.
 * Return: 0, or a negative error code with nothing left behind.
 */
int mermap_init(void);

/**
 * mermap_ready() - has this CPU an address space?
 *
 * Context: Any context, preemption off.
 * Return: false if mermap_init() was not called.
 */
bool mermap_ready(void);

/**
 * mermap_clear_pages() - write zeroes to physically contiguous pages
 * @page: first page
 * @nr_pages: number of pages
 *
 * Pages marked as poisoned by hardware are left alone. At most
 * %MERMAP_MAX_PAGES pages are cleared in one stretch with interrupts off; where
 * they were on at the call they are on again between stretches.
 *
 * Context: Any context but NMI.
 * Return: true if all pages are clear. false (and one warning) in a nested call,
 * in an NMI, or where the CPU has no address space: some or all of the pages
 * keep their contents, and the caller must not let anyone have them.
 */
bool mermap_clear_pages(struct page *page, unsigned int nr_pages);

/**
 * mermap_clear_each() - write zeros to pages that stand anywhere
 * @pages: the pages
 * @nr_pages: how many
 *
 * As mermap_clear_pages(), with as few visits as can be.
 *
 * Context: Any context but NMI.
 * Return: true, or false as for mermap_clear_pages(), with some pages unchanged.
 */
bool mermap_clear_each(struct page * const *pages, unsigned int nr_pages);

/**
 * mermap_copy_page() - copy the contents of one page to another
 * @dst: page to write
 * @src: page to read
 *
 * Context: Any context but NMI.
 * Return: true, or false as for mermap_clear_pages() with @dst unchanged.
 */
bool mermap_copy_page(struct page *dst, struct page *src);

/**
 * mermap_copy_from() - copy from a page to a buffer
 * @buf: buffer in mapped kernel memory
 * @page: page to read
 * @offset: first byte in the page
 * @len: number of bytes, may not run over the end of the page
 *
 * Context: Any context but NMI.
 * Return: true, or false as for mermap_clear_pages() with @buf unchanged.
 */
bool mermap_copy_from(void *buf, struct page *page, size_t offset, size_t len);

/**
 * mermap_copy_to() - copy from a buffer to a page
 * @page: page to write
 * @offset: first byte in the page
 * @buf: buffer in mapped kernel memory
 * @len: number of bytes, may not run over the end of the page
 *
 * Context: Any context but NMI.
 * Return: true, or false as for mermap_clear_pages() with @page unchanged.
 */
bool mermap_copy_to(struct page *page, size_t offset, const void *buf, size_t len);

/**
 * mermap_end_lazy() - come out of lazy TLB mode
 *
 * A visit in lazy TLB mode does not come back to the address space that was loaded,
 * but to the kernel's own, and ends the mode. Who saves the CPU's registers
 * now and restores them after visits calls this before.
 *
 * Context: Any context but NMI, interrupts off.
 */
void mermap_end_lazy(void);

/**
 * mermap_read_stats() - read the counters of one CPU
 * @cpu: possible CPU
 * @stats: where to
 *
 * Each counter is exact; together they are a snapshot only while @cpu is idle.
 */
void mermap_read_stats(int cpu, struct mermap_stats *stats);

/**
 * mermap_is_idle() - tell whether a CPU's address space maps nothing
 * @cpu: possible CPU
 *
 * Return: true if no page-table slot of @cpu's address space holds an entry.
 * For @cpu other than the current one the answer may be old.
 */
bool mermap_is_idle(int cpu);

/**
 * mermap_may_walk() - may an NMI walk the page tables of the current task?
 * @mm: the task's address space, or init_mm
 *
 * In a visit the CPU has left @mm, and whoever frees page tables of it does not
 * wait for this CPU, interrupts off or not.
 *
 * Context: Any context, interrupts off.
 * Return: whether they stay until interrupts are on.
 */
bool mermap_may_walk(const struct mm_struct *mm);

#if IS_ENABLED(CONFIG_PAGE_ALLOC_UNMAPPED_KUNIT_TEST)
/**
 * struct mermap_test - what the tests may watch and change
 * @in_visit: called in each visit, interrupts off, with an entry in place
 * @reported: set by the first refused call; the warning comes once
 * @reports: warnings kept quiet
 * @quiet: count the warning in @reports instead of printing it
 * @keep_translations: leave the translations of emptied slots in the TLB
 */
struct mermap_test {
	void (*in_visit)(void);
	bool keep_translations;
	bool reported;
	bool quiet;
	unsigned int reports;
};

extern struct mermap_test mermap_test;
#define mermap_keeps_translations()	READ_ONCE(mermap_test.keep_translations)
#else
#define mermap_keeps_translations()	false
#endif

#else /* !CONFIG_PAGE_ALLOC_UNMAPPED */

/* A macro, so that functions stay as they are */
#define mermap_may_walk(mm)	true

static inline int mermap_init(void)
{
	return 0;
}

static inline bool mermap_clear_pages(struct page *page, unsigned int nr_pages)
{
	return false;
}

static inline bool mermap_clear_each(struct page * const *pages,
				     unsigned int nr_pages)
{
	return false;
}

static inline bool mermap_copy_page(struct page *dst, struct page *src)
{
	return false;
}

static inline bool mermap_copy_from(void *buf, struct page *page, size_t offset,
				    size_t len)
{
	return false;
}

static inline bool mermap_copy_to(struct page *page, size_t offset,
				  const void *buf, size_t len)
{
	return false;
}

#endif /* CONFIG_PAGE_ALLOC_UNMAPPED */

#endif /* _LINUX_MERMAP_H */

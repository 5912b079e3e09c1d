// SPDX-License-Identifier: GPL-2.0
/*
 * Ephemeral mapping: clear and copy pages that have no translation in the
 * direct map.
 *
 * Owns the per-CPU state "inside a visit" and the counters. The address spaces
 * and their slots belong to the architecture, see <asm/mermap.h>.
 *
 * A visit is: interrupts off, load this CPU's own address space, set entries,
 * touch the pages, empty the slots and drop their translations, load the former
 * address space, interrupts back.
 *
 * Invariants:
 * - An entry exists only inside a visit, and only in the address space of the
 *   CPU that made it. No other CPU loads that address space, so none can reach
 *   the pages through it, not even speculatively (I1).
 * - Entries are set after the address space was loaded, and are gone, TLB
 *   included, before it is left: neither tracepoints in the switch nor a later
 *   visit can meet a former entry.
 * - A visit ends on the CPU and in the context that it began in, and touches at
 *   most MERMAP_MAX_PAGES pages.
 * - Between visits that follow each other the address space may stay loaded, with
 *   preemption off. Interrupts find it empty, and may visit it themselves.
 *
 * Locks: none is taken; interrupts off and the busy flag make a CPU's state its
 * own. Contexts: any but NMI, where the call is refused.
 */
#include <linux/cpuhotplug.h>
#include <linux/irqflags.h>
#include <linux/kasan-checks.h>
#include <linux/mermap.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/preempt.h>

#include <asm/mermap.h>
#include <asm/tlb.h>

#include "internal.h"

/* How many pages of a block are cleared before others may be scheduled */
#define MERMAP_LOADED_PAGES	128

/**
 * struct mermap_cpu - state of one CPU
 * @busy: the CPU is inside a visit. Written by the CPU itself, interrupts off.
 * @stats: counters. Written by the CPU itself; @stats.nested also from NMI.
 */
struct mermap_cpu {
	bool busy;
	struct mermap_stats stats;
};

static DEFINE_PER_CPU(struct mermap_cpu, mermap_cpu);

/**
 * struct mermap_visit - one visit, from mermap_enter() to mermap_leave()
 * @flags: interrupt state at the start
 * @prev: address space that was loaded at the start
 */
struct mermap_visit {
	unsigned long flags;
	struct mm_struct *prev;
};

#if IS_ENABLED(CONFIG_PAGE_ALLOC_UNMAPPED_KUNIT_TEST)
struct mermap_test mermap_test;

static void mermap_test_visit(void)
{
	typeof(mermap_test.in_visit) in_visit = READ_ONCE(mermap_test.in_visit);

	if (in_visit)
		in_visit();
}

static void mermap_report(void)
{
	if (xchg(&mermap_test.reported, true))
		return;
	if (mermap_test.quiet)
		mermap_test.reports++;
	else
		WARN(1, "mermap: call refused, the pages keep their contents\n");
}
#else
static inline void mermap_test_visit(void) { }

static void mermap_report(void)
{
	WARN_ONCE(1, "mermap: call refused, the pages keep their contents\n");
}
#endif

static bool mermap_enter(struct mermap_visit *visit)
{
	local_irq_save(visit->flags);
	/* in_nmi() first: an NMI may come while the flag is not yet set. */
	if (unlikely(in_nmi() || __this_cpu_read(mermap_cpu.busy) ||
		     !arch_mermap_ready())) {
		this_cpu_inc(mermap_cpu.stats.nested);
		local_irq_restore(visit->flags);
		mermap_report();
		return false;
	}
	__this_cpu_write(mermap_cpu.busy, true);
	visit->prev = arch_mermap_enter();
	return true;
}

static void count_visit(unsigned int nr_dropped, unsigned int nr_pages)
{
	__this_cpu_inc(mermap_cpu.stats.visits);
	__this_cpu_add(mermap_cpu.stats.pages, nr_pages);
	__this_cpu_add(mermap_cpu.stats.invlpg, nr_dropped);
}

/* The slots must be empty, and @nr_dropped translations dropped. */
static void mermap_leave(struct mermap_visit *visit, unsigned int nr_dropped,
			 unsigned int nr_pages)
{
	arch_mermap_leave(visit->prev);
	count_visit(nr_dropped, nr_pages);
	__this_cpu_write(mermap_cpu.busy, false);
	local_irq_restore(visit->flags);
}

/*
 * Leave and enter again, but for the address space. The caller has preemption off;
 * interrupts that are let in leave the address space loaded as they found it.
 */
static void mermap_next(struct mermap_visit *visit, unsigned int nr_dropped,
			unsigned int nr_pages)
{
	VM_WARN_ON_ONCE(!arch_mermap_is_idle(smp_processor_id()));
	count_visit(nr_dropped, nr_pages);
	arch_mermap_pause();
	__this_cpu_write(mermap_cpu.busy, false);
	local_irq_restore(visit->flags);
	local_irq_save(visit->flags);
	__this_cpu_write(mermap_cpu.busy, true);
	arch_mermap_reenter();
}

static bool page_poisoned(unsigned long pfn)
{
	return PageHWPoison(pfn_to_page(pfn));
}

/* Clear up to MERMAP_MAX_PAGES pages in one visit, each in a slot of its own. */
static bool clear_pages_visit(const unsigned long *pfns, unsigned int nr_pages)
{
	struct mermap_visit visit;
	unsigned int i, slot = 0;

	if (!mermap_enter(&visit))
		return false;
	for (i = 0; i < nr_pages; i++) {
		if (page_poisoned(pfns[i]))
			continue;
		clear_page(arch_mermap_set_page(slot++, pfns[i]));
	}
	mermap_test_visit();
	mermap_leave(&visit, arch_mermap_drop_pages(slot), slot);
	return true;
}

/* The same for pages that follow each other */
static bool clear_run_visit(unsigned long pfn, unsigned int nr_pages)
{
	unsigned long pfns[MERMAP_MAX_PAGES];
	unsigned int i;

	for (i = 0; i < nr_pages; i++)
		pfns[i] = pfn + i;
	return clear_pages_visit(pfns, nr_pages);
}

static unsigned long flags_of_4(const struct page *page)
{
	/* Any value of a bit that changes meanwhile is fine: it may have changed later */
	return data_race(page[0].flags | page[1].flags | page[2].flags | page[3].flags);
}

/* Is any page of the block poisoned? 16 at a time: most of what it costs is the loop. */
static bool block_poisoned(unsigned long pfn)
{
	const struct page *page = pfn_to_page(pfn);
	const struct page *end = page + ARCH_MERMAP_BLOCK_PAGES;
	unsigned long flags = 0;

	for (; page < end; page += 16)
		flags |= flags_of_4(page) | flags_of_4(page + 4) |
			 flags_of_4(page + 8) | flags_of_4(page + 12);
	return flags & __PG_HWPOISON;
}

/*
 * Tell whether the pages from @pfn are a block to map by one entry. A block
 * entry would also cover poisoned pages, which must not be read speculatively.
 */
static bool use_block_entry(unsigned long pfn, unsigned long end_pfn)
{
	return IS_ALIGNED(pfn, ARCH_MERMAP_BLOCK_PAGES) &&
	       end_pfn - pfn >= ARCH_MERMAP_BLOCK_PAGES && !block_poisoned(pfn);
}

/* Clear MERMAP_MAX_PAGES pages of a block. Return: how many translations were dropped. */
static unsigned int clear_block_part(unsigned long pfn, unsigned int first)
{
	void *block = arch_mermap_set_block(pfn);
	unsigned int i;

	for (i = first; i < first + MERMAP_MAX_PAGES; i++)
		clear_page(block + (i << PAGE_SHIFT));
	mermap_test_visit();
	return arch_mermap_drop_block();
}

/* Clear MERMAP_LOADED_PAGES pages of a block with the address space loaded once. */
static bool clear_block_loaded(unsigned long pfn, unsigned int first)
{
	unsigned int i, nr_dropped, last = first + MERMAP_LOADED_PAGES - MERMAP_MAX_PAGES;
	struct mermap_visit visit;

	if (!mermap_enter(&visit))
		return false;
	for (i = first; i < last; i += MERMAP_MAX_PAGES) {
		nr_dropped = clear_block_part(pfn, i);
		mermap_next(&visit, nr_dropped, MERMAP_MAX_PAGES);
	}
	nr_dropped = clear_block_part(pfn, i);
	mermap_leave(&visit, nr_dropped, MERMAP_MAX_PAGES);
	return true;
}

/* Clear one block through the block slot. */
static bool clear_block(unsigned long pfn)
{
	unsigned int first;
	bool done = true;

	for (first = 0; done && first < ARCH_MERMAP_BLOCK_PAGES; first += MERMAP_LOADED_PAGES) {
		preempt_disable();
		done = clear_block_loaded(pfn, first);
		preempt_enable();
	}
	return done;
}

static int mermap_prepare_cpu(unsigned int cpu)
{
	return arch_mermap_prepare(cpu);
}

int mermap_init(void)
{
	static bool done;
	unsigned int cpu;
	int ret;

	if (done)
		return 0;
	/*
	 * No teardown: a CPU that goes offline keeps its address space for the
	 * next time, and may free pages until the very end.
	 */
	ret = cpuhp_setup_state(CPUHP_BP_PREPARE_DYN, "mm/mermap:prepare",
				mermap_prepare_cpu, NULL);
	if (ret < 0) {
		for_each_possible_cpu(cpu)
			arch_mermap_free(cpu);
		return ret;
	}
	done = true;
	return 0;
}

bool mermap_ready(void)
{
	return arch_mermap_ready();
}

bool mermap_clear_pages(struct page *page, unsigned int nr_pages)
{
	unsigned long pfn = page_to_pfn(page);
	unsigned long end_pfn = pfn + nr_pages;
	unsigned long nr;
	bool done;

	for (; pfn < end_pfn; pfn += nr) {
		if (use_block_entry(pfn, end_pfn)) {
			nr = ARCH_MERMAP_BLOCK_PAGES;
			done = clear_block(pfn);
		} else {
			/* Do not step over the start of a block. */
			nr = ALIGN(pfn + 1, ARCH_MERMAP_BLOCK_PAGES) - pfn;
			nr = min3(nr, end_pfn - pfn, (unsigned long)MERMAP_MAX_PAGES);
			done = clear_run_visit(pfn, nr);
		}
		if (!done)
			return false;
	}
	return true;
}

bool mermap_clear_each(struct page * const *pages, unsigned int nr_pages)
{
	unsigned long pfns[MERMAP_MAX_PAGES];
	unsigned int i, nr = 0;

	for (i = 0; i < nr_pages; i++) {
		pfns[nr++] = page_to_pfn(pages[i]);
		if (nr < MERMAP_MAX_PAGES && i + 1 < nr_pages)
			continue;
		if (!clear_pages_visit(pfns, nr))
			return false;
		nr = 0;
	}
	return true;
}

bool mermap_copy_page(struct page *dst, struct page *src)
{
	struct mermap_visit visit;

	if (!mermap_enter(&visit))
		return false;
	copy_page(arch_mermap_set_page(0, page_to_pfn(dst)),
		  arch_mermap_set_page(1, page_to_pfn(src)));
	mermap_test_visit();
	mermap_leave(&visit, arch_mermap_drop_pages(2), 2);
	return true;
}

bool mermap_copy_from(void *buf, struct page *page, size_t offset, size_t len)
{
	struct mermap_visit visit;

	if (WARN_ON_ONCE(offset > PAGE_SIZE || len > PAGE_SIZE - offset))
		return false;
	kasan_check_write(buf, len);
	if (!mermap_enter(&visit))
		return false;
	arch_mermap_copy(buf, arch_mermap_set_page(0, page_to_pfn(page)) + offset, len);
	mermap_test_visit();
	mermap_leave(&visit, arch_mermap_drop_pages(1), 1);
	return true;
}

bool mermap_copy_to(struct page *page, size_t offset, const void *buf, size_t len)
{
	struct mermap_visit visit;

	if (WARN_ON_ONCE(offset > PAGE_SIZE || len > PAGE_SIZE - offset))
		return false;
	kasan_check_read(buf, len);
	if (!mermap_enter(&visit))
		return false;
	arch_mermap_copy(arch_mermap_set_page(0, page_to_pfn(page)) + offset, buf, len);
	mermap_test_visit();
	mermap_leave(&visit, arch_mermap_drop_pages(1), 1);
	return true;
}

void mermap_end_lazy(void)
{
	struct mermap_visit visit;

	if (mermap_enter(&visit))
		mermap_leave(&visit, 0, 0);
}

void mermap_read_stats(int cpu, struct mermap_stats *stats)
{
	const struct mermap_stats *from = &per_cpu(mermap_cpu, cpu).stats;

	stats->visits = READ_ONCE(from->visits);
	stats->pages = READ_ONCE(from->pages);
	stats->invlpg = READ_ONCE(from->invlpg);
	stats->nested = READ_ONCE(from->nested);
}

bool mermap_is_idle(int cpu)
{
	return arch_mermap_is_idle(cpu);
}

bool mermap_may_walk(const struct mm_struct *mm)
{
	return mm == &init_mm || !unmapped_enabled() || nmi_uaccess_okay();
}

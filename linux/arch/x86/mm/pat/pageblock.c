// SPDX-License-Identifier: GPL-2.0
/*
 * Make a pageblock not present in the direct map, and present again
 *
 * Owns the direct-map entries of unmapped blocks, and the reserve of page tables
 * for splitting 1 GiB entries. The page allocator decides which block is
 * flipped, and when.
 *
 * Entries. A block is exactly one PMD entry. On the way down only PRESENT goes;
 * with it, because other bits change their meaning in an entry that is not
 * present, PSE (pmd_present() looks at it) and GLOBAL (which is PROTNONE there),
 * and the page frame number is inverted (L1TF). The entry stays an entry: it
 * is not cleared, since code that walks the direct map (kernel_page_present(), CPA)
 * wants to find one. On the way up the entry is written as boot wrote it (I7). A
 * block that CPA split before is flipped by its 512 PTEs in the same way.
 *
 * Invariants:
 * - A flip writes only entries that translate the block, except that the first
 *   flip within a 1 GiB entry replaces this by 512 equal 2 MiB entries.
 * - A flip allocates nothing (I4). Each 1 GiB entry has one page in the reserve.
 * - After an error nothing has changed.
 *
 * Locking against CPA (set_memory.c). The caller owns the whole block, and CPA
 * is called for pages by their owner. So two kinds of CPA calls can meet a flip:
 * a split of a 1 GiB entry on behalf of another page in it, and set_mce_nospec(),
 * which makes any page not present, asks no owner, and splits a present 2 MiB
 * entry for it. CPA examines and writes large entries, and replaces them by tables,
 * with pgd_lock held, which includes the flush after a split. Flips find and
 * write entries under pgd_lock too, thus never meet an entry in mid-split and
 * never write through stale large translations; cpa_lock is not needed for that.
 * What pgd_lock does not order is a PTE that set_mce_nospec() writes: both sides
 * clear PRESENT on the way down, so any order gives the same, and on the way up
 * the PTE of a poisoned page is left alone (memory failure marks the page before
 * it calls set_mce_nospec()). Tables of the direct map go away with hot-removed
 * memory only, of which no one owns a block.
 *
 * Lock order: pgd_lock is innermost. It is taken with interrupts on and may be
 * held across a TLB flush, as in CPA; never across an allocation.
 * Contexts: process context, interrupts on, no spinlock held.
 */
#include <kunit/visibility.h>
#include <linux/kmemleak.h>
#include <linux/list.h>
#include <linux/memory.h>
#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/notifier.h>
#include <linux/pageblock-flags.h>
#include <linux/set_memory.h>
#include <linux/spinlock.h>
#include <linux/vmstat.h>

#include <asm/cpufeature.h>
#include <asm/pgtable.h>
#include <asm/sections.h>
#include <asm/setup.h>
#include <asm/tlbflush.h>
#include <asm/unmapped.h>

#define PAGES_PER_GB	(PUD_SIZE >> PAGE_SHIFT)

/* Bits in which an entry may differ from the one that boot wrote */
#define HW_SET_BITS	(_PAGE_ACCESSED | _PAGE_DIRTY)

/*
 * Bits in which an entry may differ and still be fit for a flip: stock code that
 * makes single pages not present and present again does not restore GLOBAL.
 */
#define HARMLESS_BITS	(HW_SET_BITS | _PAGE_GLOBAL)

/*
 * Page tables for splitting, linked by page->lru. Protected by pgd_lock.
 * Invariant: at most one page for each 1 GiB entry of the direct map whose first
 * page is online, unless memory was short when it came online.
 */
VISIBLE_IF_KUNIT struct list_head arch_unmapped_reserve =
	LIST_HEAD_INIT(arch_unmapped_reserve);

/* Tests set it before they provoke an entry that is not fit for a flip. */
VISIBLE_IF_KUNIT bool arch_unmapped_expect_odd;

/* Internals: entries */

/* The entry that boot wrote for @pfn at @level (init_64.c) */
static pteval_t default_entry(unsigned long pfn, unsigned int level)
{
	pteval_t val = pte_val(pfn_pte(pfn, PAGE_KERNEL));

	return level == PG_LEVEL_4K ? val : val | _PAGE_PSE;
}

static bool entry_is_default(pteval_t val, unsigned long pfn, unsigned int level,
			     pteval_t ignored_bits)
{
	return !((val ^ default_entry(pfn, level)) & ~ignored_bits);
}

static bool entry_present(pteval_t val)
{
	return val & _PAGE_PRESENT;
}

/* Not pfn_pmd(), which would cut off low bits of the inverted frame number. */
static pte_t make_absent(unsigned long pfn, pteval_t val)
{
	val &= PTE_FLAGS_MASK & ~(_PAGE_PRESENT | _PAGE_PSE | _PAGE_GLOBAL);
	return pfn_pte(pfn, __pgprot(val));
}

static pte_t *find_entry(unsigned long pfn, unsigned int *level)
{
	return lookup_address((unsigned long)pfn_to_kaddr(pfn), level);
}

/* Poisoned pages are known to be not present; anything else is news. */
static void report_odd(unsigned long pfn, pteval_t val, unsigned int level)
{
	if (arch_unmapped_expect_odd || PageHWPoison(pfn_to_page(pfn)))
		return;
	WARN_ONCE(1, "unmapped: block not flipped, entry %#lx of level %u at pfn %#lx is not plain memory\n",
		  (unsigned long)val, level, pfn);
}

static int check_entry(unsigned long pfn, pteval_t val, unsigned int level)
{
	if (entry_is_default(val, pfn, level, HARMLESS_BITS))
		return 0;
	report_odd(pfn, val, level);
	return -EINVAL;
}

/* Internals: flips, pgd_lock held */

static int __unmap_ptes(pte_t *pte, unsigned long pfn)
{
	unsigned int i;
	int ret;

	/* Look first, then write: then there is nothing to roll back. */
	for (i = 0; i < PTRS_PER_PTE; i++) {
		ret = check_entry(pfn + i, pte_val(READ_ONCE(pte[i])), PG_LEVEL_4K);
		if (ret)
			return ret;
	}
	for (i = 0; i < PTRS_PER_PTE; i++)
		set_pte(pte + i, make_absent(pfn + i, pte_val(READ_ONCE(pte[i]))));
	return 0;
}

static int __unmap_pmd(pmd_t *pmd, unsigned long pfn)
{
	pteval_t val = pmd_val(READ_ONCE(*pmd));
	int ret = check_entry(pfn, val, PG_LEVEL_2M);

	if (!ret)
		set_pmd(pmd, __pmd(pte_val(make_absent(pfn, val))));
	return ret;
}

/*
 * Replace the 1 GiB entry that translates @pfn by a table of 2 MiB entries with
 * the same bits. The flush is for the processor's sake: it must not hold a
 * 1 GiB translation and a smaller one that differs in its attributes. CPUs that
 * change attributes wait for pgd_lock meanwhile, as with __split_large_page().
 */
static int __split_pud(pud_t *pud, unsigned long pfn)
{
	pteval_t val = pud_val(READ_ONCE(*pud));
	unsigned long first_pfn = ALIGN_DOWN(pfn, PAGES_PER_GB);
	struct page *page;
	pmd_t *pmd;
	int i, ret;

	ret = check_entry(first_pfn, val, PG_LEVEL_1G);
	if (ret)
		return ret;
	page = list_first_entry_or_null(&arch_unmapped_reserve, struct page, lru);
	if (!page)
		return -ENOMEM;
	list_del(&page->lru);

	pmd = page_address(page);
	for (i = 0; i < PTRS_PER_PMD; i++)
		set_pmd(pmd + i, __pmd(val + i * PMD_SIZE));
	/* x86 keeps the order of stores; a page walk sees the table filled. */
	barrier();
	set_pud(pud, __pud(__pa(pmd) | _KERNPG_TABLE));
	flush_tlb_all();
	return 0;
}

static int __unmap_block(unsigned long pfn, bool *split)
{
	unsigned int level;
	pte_t *entry = find_entry(pfn, &level);
	int ret;

	if (entry && level == PG_LEVEL_1G) {
		ret = __split_pud((pud_t *)entry, pfn);
		if (ret)
			return ret;
		*split = true;
		entry = find_entry(pfn, &level);
	}
	if (entry && level == PG_LEVEL_2M)
		return __unmap_pmd((pmd_t *)entry, pfn);
	if (entry && level == PG_LEVEL_4K)
		return __unmap_ptes(entry, pfn);
	report_odd(pfn, 0, level);
	return -EINVAL;
}

/* Entries that are present already, and those of poisoned pages, stay. */
static void __map_ptes(pte_t *pte, unsigned long pfn)
{
	unsigned int i;

	for (i = 0; i < PTRS_PER_PTE; i++) {
		if (!entry_present(pte_val(READ_ONCE(pte[i]))) &&
		    !PageHWPoison(pfn_to_page(pfn + i)))
			set_pte(pte + i, __pte(default_entry(pfn + i, PG_LEVEL_4K)));
	}
}

static bool __map_block(unsigned long pfn)
{
	unsigned int level;
	pte_t *entry = find_entry(pfn, &level);

	if (!entry)
		return false;
	switch (level) {
	case PG_LEVEL_2M:
		set_pmd((pmd_t *)entry, __pmd(default_entry(pfn, level)));
		return true;
	case PG_LEVEL_4K:
		__map_ptes(entry, pfn);
		return true;
	default:
		return false;
	}
}

/* Internals: reserve */

static bool is_gb_entry(unsigned long pfn)
{
	unsigned int level;
	pte_t *entry = find_entry(pfn, &level);

	return entry && level == PG_LEVEL_1G && entry_present(pte_val(*entry));
}

/* 1 GiB entries that begin in [start_pfn, end_pfn) */
static unsigned long count_gb_entries(unsigned long start_pfn, unsigned long end_pfn)
{
	unsigned long pfn, nr = 0;

	for (pfn = ALIGN(start_pfn, PAGES_PER_GB); pfn < end_pfn; pfn += PAGES_PER_GB)
		nr += is_gb_entry(pfn);
	return nr;
}

static void shrink_reserve(unsigned long nr)
{
	struct page *page;

	while (nr--) {
		spin_lock(&pgd_lock);
		page = list_first_entry_or_null(&arch_unmapped_reserve, struct page, lru);
		if (page)
			list_del(&page->lru);
		spin_unlock(&pgd_lock);
		if (!page)
			return;
		__free_page(page);
	}
}

static int grow_reserve(unsigned long nr)
{
	unsigned long i;
	struct page *page;

	for (i = 0; i < nr; i++) {
		page = alloc_page(GFP_KERNEL);
		if (!page) {
			shrink_reserve(i);
			return -ENOMEM;
		}
		spin_lock(&pgd_lock);
		list_add(&page->lru, &arch_unmapped_reserve);
		spin_unlock(&pgd_lock);
	}
	return 0;
}

/*
 * An entry counts when the block of memory that holds its first page comes and
 * goes, so that memory blocks smaller than 1 GiB count it once. An entry that was split
 * meanwhile has used up its page and counts no more.
 */
static int reserve_notify(struct notifier_block *nb, unsigned long action, void *data)
{
	const struct memory_notify *range = data;
	unsigned long nr;

	if (action != MEM_GOING_ONLINE && action != MEM_CANCEL_ONLINE &&
	    action != MEM_OFFLINE)
		return NOTIFY_OK;

	nr = count_gb_entries(range->start_pfn, range->start_pfn + range->nr_pages);
	/* Short of memory is no reason to refuse memory: flips fail instead. */
	if (action != MEM_GOING_ONLINE)
		shrink_reserve(nr);
	else if (grow_reserve(nr))
		pr_warn("unmapped: no page table to split 1 GiB mappings from pfn %#lx on\n",
			range->start_pfn);
	return NOTIFY_OK;
}

static struct notifier_block reserve_nb = {
	.notifier_call = reserve_notify,
};

/* Interface, see <asm/unmapped.h> */

const char *arch_unmapped_unsupported(void)
{
	if (cpu_feature_enabled(X86_FEATURE_XENPV))
		return "Xen PV guest";
	if (arch_efi_maps_all())
		return "EFI firmware of 32 bits has all memory mapped";
	if (!boot_cpu_has(X86_FEATURE_PSE))
		return "no 2 MiB pages";
	if (pageblock_nr_pages != PTRS_PER_PMD)
		return "pageblocks are not 2 MiB";
	if (debug_pagealloc_enabled())
		return "debug_pagealloc";
	if (!can_set_direct_map())
		return "fixed direct map";
	return NULL;
}

int arch_unmapped_init(void)
{
	static bool done;
	int ret;

	if (done)
		return 0;
	/* No memory comes or goes between the count and the notifier. */
	get_online_mems();
	ret = grow_reserve(count_gb_entries(0, max_pfn));
	if (!ret) {
		ret = register_memory_notifier(&reserve_nb);
		if (ret)
			shrink_reserve(ULONG_MAX);
	}
	put_online_mems();
	done = !ret;
	return ret;
}

bool arch_may_unmap_block(unsigned long pfn)
{
	/* As highmap_start_pfn() and highmap_end_pfn() in set_memory.c */
	unsigned long image_start = PFN_DOWN(ALIGN_DOWN(__pa_symbol(_text), PMD_SIZE));
	unsigned long image_end = PFN_DOWN(__pa_symbol(roundup(_brk_end, PMD_SIZE) - 1)) + 1;

	if (pfn < image_end && pfn + PTRS_PER_PMD > image_start)
		return false;
	return arch_block_level(pfn) != PG_LEVEL_NONE && !arch_efi_maps_block(pfn);
}

void arch_drop_image_alias(unsigned long start, unsigned long end)
{
	if (start < __START_KERNEL_map || start >= end ||
	    cpu_feature_enabled(X86_FEATURE_XENPV))
		return;
	/* It scans bss as a whole, of which a part may go */
	kmemleak_free_part((void *)start, end - start);
	if (set_memory_np_noalias(start, (end - start) >> PAGE_SHIFT))
		pr_warn("unmapped: memory at %#lx-%#lx stays mapped twice\n",
			__pa(start), __pa(end) - 1);
}

int arch_unmap_block(unsigned long pfn)
{
	bool split = false;
	int ret;

	might_sleep();
	if (WARN_ON_ONCE(!IS_ALIGNED(pfn, PTRS_PER_PMD)))
		return -EINVAL;

	spin_lock(&pgd_lock);
	ret = __unmap_block(pfn, &split);
	spin_unlock(&pgd_lock);

	if (split) {
		update_page_count(PG_LEVEL_1G, -1UL);
		update_page_count(PG_LEVEL_2M, PTRS_PER_PMD);
		count_vm_event(DIRECT_MAP_LEVEL3_SPLIT);
	}
	return ret;
}

void arch_map_block(unsigned long pfn)
{
	bool found;

	might_sleep();
	spin_lock(&pgd_lock);
	found = __map_block(pfn);
	spin_unlock(&pgd_lock);
	WARN_ONCE(!found, "unmapped: no entry to map pfn %#lx back\n", pfn);
}

int arch_split_block(unsigned long pfn)
{
	return set_memory_4k((unsigned long)pfn_to_kaddr(pfn), 1);
}

void arch_unmapped_flush(void)
{
	/*
	 * All of the TLB, not the range. A range of 512 pages is above the
	 * ceiling for single invalidations anyway. And lazily freed vmalloc
	 * areas leave translations behind: their pages reach the page allocator
	 * before those are flushed, so a block may still be readable through them.
	 */
	flush_tlb_all();
}

enum arch_block_state arch_block_state(unsigned long pfn)
{
	unsigned int level, i, nr = 1, nr_present = 0;
	unsigned long entry_pfn = pfn;
	pte_t *entry = find_entry(pfn, &level);
	pteval_t val;

	if (!entry || level > PG_LEVEL_1G)
		return ARCH_BLOCK_ODD;
	if (level == PG_LEVEL_1G)
		entry_pfn = ALIGN_DOWN(pfn, PAGES_PER_GB);
	if (level == PG_LEVEL_4K)
		nr = PTRS_PER_PTE;

	for (i = 0; i < nr; i++) {
		val = pte_val(READ_ONCE(entry[i]));
		if (!val)
			return ARCH_BLOCK_ODD;
		if (!entry_present(val))
			continue;
		if (!entry_is_default(val, entry_pfn + i, level, HW_SET_BITS))
			return ARCH_BLOCK_ODD;
		nr_present++;
	}
	if (!nr_present)
		return ARCH_BLOCK_UNMAPPED;
	return nr_present == nr ? ARCH_BLOCK_MAPPED : ARCH_BLOCK_ODD;
}

int arch_block_level(unsigned long pfn)
{
	unsigned int level;

	return find_entry(pfn, &level) ? level : PG_LEVEL_NONE;
}

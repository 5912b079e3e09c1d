// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of the flip of pageblocks in the x86 direct map: what the page tables
 * hold before, between and after, down to the bit, and what a CPU can read.
 *
 * A block is an order-9 allocation that belongs to the test, as a block belongs to
 * the page allocator when it is flipped. Tests that split mappings leave them
 * split, as CPA does.
 */
#include <kunit/test.h>
#include <linux/cpu.h>
#include <linux/kthread.h>
#include <linux/list.h>
#include <linux/mermap.h>
#include <linux/mm.h>
#include <linux/pageblock-flags.h>
#include <linux/sched.h>
#include <linux/set_memory.h>
#include <linux/smp.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>
#include <linux/vmstat.h>

#include <asm/pgtable.h>
#include <asm/sections.h>
#include <asm/unmapped.h>

#include "../../../mm/internal.h"	/* unmapped_validate() */

#define FILL		0x5a
#define PAGES_PER_GB	(PUD_SIZE >> PAGE_SHIFT)

static void free_block(void *page)
{
	__free_pages(page, pageblock_order);
}

static struct page *try_get_block(struct kunit *test, gfp_t gfp)
{
	struct page *page = alloc_pages(gfp, pageblock_order);

	if (page && kunit_add_action_or_reset(test, free_block, page))
		return NULL;
	return page;
}

static pteval_t read_entry(unsigned long pfn, unsigned int *level)
{
	pte_t *entry = lookup_address((unsigned long)pfn_to_kaddr(pfn), level);

	return entry ? pte_val(*entry) : 0;
}

static pteval_t boot_entry(unsigned long pfn, unsigned int level)
{
	return pte_val(pfn_pte(pfn, PAGE_KERNEL)) | (level == PG_LEVEL_4K ? 0 : _PAGE_PSE);
}

static void fill_block(unsigned long pfn, u8 byte)
{
	memset(pfn_to_kaddr(pfn), byte, PMD_SIZE);
}

/*
 * First page of a block that may be flipped, mapped by 2 MiB, filled with FILL.
 * Blocks that earlier tests left split are kept out of the way.
 */
static unsigned long get_block(struct kunit *test)
{
	unsigned long pfn = 0;
	struct page *page;
	int try;

	for (try = 0; try < 64; try++) {
		page = try_get_block(test, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, page);
		pfn = page_to_pfn(page);
		if (arch_block_level(pfn) != PG_LEVEL_4K && arch_may_unmap_block(pfn))
			break;
	}
	if (arch_block_level(pfn) == PG_LEVEL_1G) {
		KUNIT_ASSERT_EQ(test, 0, arch_unmap_block(pfn));
		arch_unmapped_flush();
		arch_map_block(pfn);
	}
	KUNIT_ASSERT_EQ(test, PG_LEVEL_2M, arch_block_level(pfn));
	fill_block(pfn, FILL);
	return pfn;
}

/* Make the block's mapping consist of 4 KiB entries with the bits it had. */
static void split_block(struct kunit *test, unsigned long pfn)
{
	KUNIT_ASSERT_EQ(test, 0, arch_split_block(pfn));
	KUNIT_ASSERT_EQ(test, PG_LEVEL_4K, arch_block_level(pfn));
}

static bool readable(unsigned long pfn)
{
	u8 byte;

	return !copy_from_kernel_nofault(&byte, pfn_to_kaddr(pfn), 1);
}

static void count_readable(void *data)
{
	static const unsigned int offsets[] = { 0, 1, 255, 256, 510, 511 };
	unsigned long pfn = *(unsigned long *)data;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(offsets); i++) {
		if (readable(pfn + offsets[i]))
			atomic_inc((atomic_t *)(data + sizeof(pfn)));
	}
}

/* How many of six pages of the block can be read, summed up over all CPUs */
static int nr_readable(unsigned long pfn)
{
	struct {
		unsigned long pfn;
		atomic_t nr;
	} data = { .pfn = pfn, .nr = ATOMIC_INIT(0) };

	on_each_cpu(count_readable, &data, true);
	return atomic_read(&data.nr);
}

static void expect_absent(struct kunit *test, unsigned long pfn)
{
	KUNIT_EXPECT_EQ(test, ARCH_BLOCK_UNMAPPED, arch_block_state(pfn));
	KUNIT_EXPECT_EQ(test, 0, nr_readable(pfn));
	KUNIT_EXPECT_FALSE(test, kernel_page_present(pfn_to_page(pfn)));
	KUNIT_EXPECT_FALSE(test, kernel_page_present(pfn_to_page(pfn + 511)));
}

static void expect_mapped(struct kunit *test, unsigned long pfn, u8 byte)
{
	KUNIT_EXPECT_EQ(test, ARCH_BLOCK_MAPPED, arch_block_state(pfn));
	KUNIT_EXPECT_NULL(test, memchr_inv(pfn_to_kaddr(pfn), byte, PMD_SIZE));
}

/* Unmap, look, map back, look, with the contents changed meanwhile. */
static void flip_and_check(struct kunit *test, unsigned long pfn, int level)
{
	KUNIT_ASSERT_EQ(test, 0, arch_unmap_block(pfn));
	arch_unmapped_flush();
	KUNIT_EXPECT_EQ(test, level, arch_block_level(pfn));
	expect_absent(test, pfn);
	KUNIT_EXPECT_TRUE(test, mermap_clear_pages(pfn_to_page(pfn), 512));
	expect_absent(test, pfn);
	arch_map_block(pfn);
	KUNIT_EXPECT_EQ(test, level, arch_block_level(pfn));
	expect_mapped(test, pfn, 0);
}

/* First page of a block that a 1 GiB entry maps. Skips the test if none is free. */
static unsigned long get_gb_block(struct kunit *test)
{
	gfp_t gfp = GFP_KERNEL | __GFP_NORETRY | __GFP_NOWARN;
	struct page *page;
	int try;

	for (try = 0; try < 512; try++) {
		page = try_get_block(test, try % 2 ? gfp | GFP_DMA32 : gfp);
		if (page && arch_block_level(page_to_pfn(page)) == PG_LEVEL_1G)
			return page_to_pfn(page);
	}
	kunit_skip(test, "no free block in a 1 GiB mapping");
	return 0;
}

/* The 1 GiB entry becomes 512 entries of 2 MiB, all others as good as before. */
static void test_gb_entry(struct kunit *test)
{
	unsigned long pfn = get_gb_block(test), first, i;
	unsigned int level;

	first = ALIGN_DOWN(pfn, PAGES_PER_GB);
	KUNIT_EXPECT_EQ(test, ARCH_BLOCK_MAPPED, arch_block_state(pfn));
	flip_and_check(test, pfn, PG_LEVEL_2M);
	for (i = first; i < first + PAGES_PER_GB; i += 512)
		KUNIT_EXPECT_EQ(test, boot_entry(i, PG_LEVEL_2M) | _PAGE_ACCESSED | _PAGE_DIRTY,
				read_entry(i, &level) | _PAGE_ACCESSED | _PAGE_DIRTY);
	flip_and_check(test, pfn, PG_LEVEL_2M);
}

/* Without a page table the 1 GiB entry stays, and so does the block. */
static void test_gb_entry_no_reserve(struct kunit *test)
{
	unsigned long pfn = get_gb_block(test);
	LIST_HEAD(reserve);
	unsigned int level;
	pteval_t before;

	before = read_entry(pfn, &level);
	spin_lock(&pgd_lock);
	list_replace_init(&arch_unmapped_reserve, &reserve);
	spin_unlock(&pgd_lock);
	KUNIT_EXPECT_FALSE(test, list_empty(&reserve));
	KUNIT_EXPECT_EQ(test, -ENOMEM, arch_unmap_block(pfn));
	KUNIT_EXPECT_EQ(test, before, read_entry(pfn, &level));
	KUNIT_EXPECT_EQ(test, PG_LEVEL_1G, level);
	spin_lock(&pgd_lock);
	list_splice(&reserve, &arch_unmapped_reserve);
	spin_unlock(&pgd_lock);
}

/* One 2 MiB entry: absent on all CPUs, back bit for bit, never split. */
static void test_pmd_entry(struct kunit *test)
{
	unsigned long pfn = get_block(test);
	unsigned int level;
	pteval_t before = read_entry(pfn, &level), absent;

	KUNIT_EXPECT_EQ(test, before, boot_entry(pfn, PG_LEVEL_2M));
	KUNIT_EXPECT_GT(test, nr_readable(pfn), 0);
	flip_and_check(test, pfn, PG_LEVEL_2M);
	KUNIT_EXPECT_EQ(test, before, read_entry(pfn, &level));

	KUNIT_ASSERT_EQ(test, 0, arch_unmap_block(pfn));
	arch_unmapped_flush();
	absent = read_entry(pfn, &level);
	arch_map_block(pfn);
	KUNIT_EXPECT_EQ(test, 0, absent & (_PAGE_PRESENT | _PAGE_PSE | _PAGE_GLOBAL));
	KUNIT_EXPECT_EQ(test, _PAGE_RW | _PAGE_DIRTY, absent & (_PAGE_RW | _PAGE_DIRTY));
	KUNIT_EXPECT_EQ(test, pfn, pmd_pfn(__pmd(absent)));
	KUNIT_EXPECT_FALSE(test, pmd_present(__pmd(absent)));
	KUNIT_EXPECT_FALSE(test, pmd_none(__pmd(absent)));
	/* L1TF: no memory at the physical address that the entry seems to hold */
	KUNIT_EXPECT_FALSE(test, pfn_valid((absent & PTE_PFN_MASK) >> PAGE_SHIFT));
}

/* ACCESSED and DIRTY may be clear, on the way back they are set. */
static void test_pmd_entry_hw_bits(struct kunit *test)
{
	unsigned long pfn = get_block(test);
	unsigned int level;
	pmd_t *pmd = (pmd_t *)lookup_address((unsigned long)pfn_to_kaddr(pfn), &level);

	set_pmd(pmd, __pmd(pmd_val(*pmd) & ~(_PAGE_ACCESSED | _PAGE_DIRTY)));
	KUNIT_EXPECT_EQ(test, ARCH_BLOCK_MAPPED, arch_block_state(pfn));
	flip_and_check(test, pfn, PG_LEVEL_2M);
	KUNIT_EXPECT_EQ(test, boot_entry(pfn, PG_LEVEL_2M), read_entry(pfn, &level));
}

/* A block that is split already is flipped by its 512 entries. */
static void test_pte_entries(struct kunit *test)
{
	unsigned long pfn = get_block(test), i;
	unsigned int level;

	split_block(test, pfn);
	flip_and_check(test, pfn, PG_LEVEL_4K);
	for (i = 0; i < 512; i++)
		KUNIT_EXPECT_EQ(test, boot_entry(pfn + i, PG_LEVEL_4K),
				read_entry(pfn + i, &level));
}

/* Stock loses GLOBAL and DIRTY for single pages; that is healed by a flip. */
static void test_pte_entries_after_stock(struct kunit *test)
{
	unsigned long pfn = get_block(test);
	struct page *page = pfn_to_page(pfn + 7);
	unsigned int level;

	KUNIT_ASSERT_EQ(test, 0, set_direct_map_invalid_noflush(page));
	KUNIT_ASSERT_EQ(test, 0, set_direct_map_default_noflush(page));
	flip_and_check(test, pfn, PG_LEVEL_4K);
	KUNIT_EXPECT_EQ(test, boot_entry(pfn + 7, PG_LEVEL_4K), read_entry(pfn + 7, &level));
}

/* An entry that is not plain memory: refused, and not one entry has changed. */
static void expect_refused(struct kunit *test, unsigned long pfn)
{
	pteval_t *before = kunit_kcalloc(test, 512, sizeof(*before), GFP_KERNEL);
	unsigned int i, level;

	KUNIT_ASSERT_NOT_NULL(test, before);
	for (i = 0; i < 512; i++)
		before[i] = read_entry(pfn + i, &level);
	arch_unmapped_expect_odd = true;
	KUNIT_EXPECT_EQ(test, -EINVAL, arch_unmap_block(pfn));
	arch_unmapped_expect_odd = false;
	KUNIT_EXPECT_EQ(test, ARCH_BLOCK_ODD, arch_block_state(pfn));
	for (i = 0; i < 512; i++)
		KUNIT_EXPECT_EQ(test, before[i], read_entry(pfn + i, &level));
}

static void test_refused_uncached(struct kunit *test)
{
	unsigned long pfn = get_block(test);
	unsigned long addr = (unsigned long)pfn_to_kaddr(pfn + 511);

	KUNIT_ASSERT_EQ(test, 0, set_memory_uc(addr, 1));
	expect_refused(test, pfn);
	KUNIT_ASSERT_EQ(test, 0, set_memory_wb(addr, 1));
	flip_and_check(test, pfn, PG_LEVEL_4K);
}

/* A whole 2 MiB entry that is not write-back */
static void test_refused_uncached_pmd(struct kunit *test)
{
	unsigned long pfn = get_block(test);
	unsigned long addr = (unsigned long)pfn_to_kaddr(pfn);

	KUNIT_ASSERT_EQ(test, 0, set_memory_uc(addr, 512));
	KUNIT_EXPECT_EQ(test, PG_LEVEL_2M, arch_block_level(pfn));
	expect_refused(test, pfn);
	KUNIT_ASSERT_EQ(test, 0, set_memory_wb(addr, 512));
	flip_and_check(test, pfn, PG_LEVEL_2M);
}

static void test_refused_readonly(struct kunit *test)
{
	unsigned long pfn = get_block(test);
	unsigned long addr = (unsigned long)pfn_to_kaddr(pfn + 300);

	KUNIT_ASSERT_EQ(test, 0, set_memory_ro(addr, 1));
	expect_refused(test, pfn);
	KUNIT_ASSERT_EQ(test, 0, set_memory_rw(addr, 1));
	flip_and_check(test, pfn, PG_LEVEL_4K);
}

static void test_refused_absent(struct kunit *test)
{
	unsigned long pfn = get_block(test);
	struct page *page = pfn_to_page(pfn + 1);

	KUNIT_ASSERT_EQ(test, 0, set_direct_map_invalid_noflush(page));
	expect_refused(test, pfn);
	KUNIT_ASSERT_EQ(test, 0, set_direct_map_default_noflush(page));
	arch_unmapped_flush();
	flip_and_check(test, pfn, PG_LEVEL_4K);
}

static void test_refused_unmapped(struct kunit *test)
{
	unsigned long pfn = get_block(test);

	KUNIT_ASSERT_EQ(test, 0, arch_unmap_block(pfn));
	arch_unmapped_expect_odd = true;
	KUNIT_EXPECT_EQ(test, -EINVAL, arch_unmap_block(pfn));
	arch_unmapped_expect_odd = false;
	KUNIT_EXPECT_EQ(test, ARCH_BLOCK_UNMAPPED, arch_block_state(pfn));
	arch_map_block(pfn);
	expect_mapped(test, pfn, FILL);
}

/*
 * Memory failure in an unmapped block finds the page not present already. Once the
 * absent entry is split, the other pages come back and that page stays away.
 */
static void test_memory_failure(struct kunit *test)
{
#ifdef CONFIG_MEMORY_FAILURE
	unsigned long pfn = get_block(test);
	struct page *poisoned = pfn_to_page(pfn + 77);

	KUNIT_ASSERT_EQ(test, 0, arch_unmap_block(pfn));
	arch_unmapped_flush();
	SetPageHWPoison(poisoned);
	KUNIT_EXPECT_EQ(test, 0, set_mce_nospec(pfn + 77));
	KUNIT_EXPECT_EQ(test, PG_LEVEL_2M, arch_block_level(pfn));
	expect_absent(test, pfn);
	split_block(test, pfn);
	expect_absent(test, pfn);

	arch_map_block(pfn);
	KUNIT_EXPECT_EQ(test, ARCH_BLOCK_ODD, arch_block_state(pfn));
	KUNIT_EXPECT_FALSE(test, readable(pfn + 77));
	KUNIT_EXPECT_TRUE(test, readable(pfn + 76));
	KUNIT_EXPECT_TRUE(test, readable(pfn + 78));
	/* A poisoned page is a known reason to refuse: no warning. */
	KUNIT_EXPECT_EQ(test, -EINVAL, arch_unmap_block(pfn));

	ClearPageHWPoison(poisoned);
	arch_map_block(pfn);
	expect_mapped(test, pfn, FILL);
#else
	kunit_skip(test, "no memory failure handling");
#endif
}

static void free_single_pages(void *first)
{
	unsigned int i;

	for (i = 0; i < pageblock_nr_pages; i++)
		__free_page((struct page *)first + i);
}

/* A block as get_block() has it, of single pages */
static unsigned long get_single_pages(struct kunit *test)
{
	unsigned long pfn = get_block(test);
	struct page *page = pfn_to_page(pfn);

	kunit_remove_action(test, free_block, page);
	split_page(page, pageblock_order);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, free_single_pages, page));
	return pfn;
}

/* The pages as vmalloc memory, which has references of its own to them. */
static void *map_as_vmalloc(struct kunit *test, unsigned long pfn)
{
	struct page **pages = kvmalloc_array(pageblock_nr_pages, sizeof(*pages), GFP_KERNEL);
	unsigned int i;
	void *addr;

	KUNIT_ASSERT_NOT_NULL(test, pages);
	for (i = 0; i < pageblock_nr_pages; i++)
		pages[i] = pfn_to_page(pfn + i);
	addr = vmap(pages, pageblock_nr_pages, VM_MAP | VM_MAP_PUT_PAGES, PAGE_KERNEL);
	if (!addr)
		kvfree(pages);
	KUNIT_ASSERT_NOT_NULL(test, addr);
	for (i = 0; i < pageblock_nr_pages; i++)
		get_page(pfn_to_page(pfn + i));
	return addr;
}

/*
 * What modules, BPF programs and trampolines do to the pages that they lie in: the
 * direct map's entries become read-only with their own, and vfree() resets them
 * (VM_FLUSH_RESET_PERMS). Then the block can be flipped, and comes back as boot had it.
 */
static void test_vmalloc_permissions(struct kunit *test)
{
	unsigned long pfn = get_single_pages(test), i;
	void *addr = map_as_vmalloc(test, pfn);
	unsigned int level;

	set_vm_flush_reset_perms(addr);
	KUNIT_EXPECT_EQ(test, 0, set_memory_rox((unsigned long)addr, pageblock_nr_pages));
	KUNIT_EXPECT_EQ(test, 0, read_entry(pfn + 7, &level) & _PAGE_RW);
	expect_refused(test, pfn);
	vfree(addr);
	flip_and_check(test, pfn, PG_LEVEL_4K);
	for (i = 0; i < pageblock_nr_pages; i++)
		KUNIT_EXPECT_EQ(test, boot_entry(pfn + i, PG_LEVEL_4K),
				read_entry(pfn + i, &level));
}

static void test_excluded(struct kunit *test)
{
	unsigned long image = ALIGN_DOWN(PFN_DOWN(__pa_symbol(_text)), 512);
	unsigned long image_end = ALIGN_DOWN(PFN_DOWN(__pa_symbol(_end) - 1), 512);
	unsigned long pfn;

	for (pfn = image; pfn <= image_end; pfn += 512)
		KUNIT_EXPECT_FALSE(test, arch_may_unmap_block(pfn));
	/* Local APIC: in the hole below 4 GiB */
	KUNIT_EXPECT_FALSE(test, arch_may_unmap_block(ALIGN_DOWN(PFN_DOWN(0xfee00000), 512)));
	KUNIT_EXPECT_FALSE(test, arch_may_unmap_block(ALIGN(max_pfn, PAGES_PER_GB)));
	KUNIT_EXPECT_EQ(test, ARCH_BLOCK_ODD, arch_block_state(ALIGN(max_pfn, PAGES_PER_GB)));
}

/* Flips never shatter the direct map. */
static void test_no_split(struct kunit *test)
{
	unsigned long pfn[4];
	int i, round;

	for (i = 0; i < ARRAY_SIZE(pfn); i++)
		pfn[i] = get_block(test);
	for (round = 0; round < 20; round++) {
		for (i = 0; i < ARRAY_SIZE(pfn); i++)
			KUNIT_ASSERT_EQ(test, 0, arch_unmap_block(pfn[i]));
		arch_unmapped_flush();
		for (i = 0; i < ARRAY_SIZE(pfn); i++)
			arch_map_block(pfn[i]);
	}
	for (i = 0; i < ARRAY_SIZE(pfn); i++) {
		KUNIT_EXPECT_EQ(test, PG_LEVEL_2M, arch_block_level(pfn[i]));
		expect_mapped(test, pfn[i], FILL);
	}
}

/**
 * struct flipper - a thread that flips a block of its own
 * @pfn: the block
 * @failed: what went wrong first, NULL if nothing
 * @done: the thread has ended
 */
struct flipper {
	unsigned long pfn;
	const char *failed;
	struct completion done;
};

static const char *flip_once(unsigned long pfn)
{
	if (arch_unmap_block(pfn))
		return "unmap";
	arch_unmapped_flush();
	if (arch_block_state(pfn) != ARCH_BLOCK_UNMAPPED || readable(pfn) || readable(pfn + 511))
		return "not absent";
	if (!mermap_clear_pages(pfn_to_page(pfn + 64), 32))
		return "mermap";
	arch_map_block(pfn);
	if (arch_block_state(pfn) != ARCH_BLOCK_MAPPED || !readable(pfn))
		return "not back";
	return NULL;
}

static int flipper_thread(void *data)
{
	struct flipper *flipper = data;
	int i;

	for (i = 0; i < 50 && !flipper->failed; i++) {
		flipper->failed = flip_once(flipper->pfn);
		cond_resched();
	}
	complete(&flipper->done);
	return 0;
}

/* All CPUs flip, while CPA splits and changes mappings nearby. */
static void test_concurrent(struct kunit *test)
{
	struct flipper *flippers;
	struct task_struct *thread;
	unsigned long addr;
	int cpu, i;

	flippers = kunit_kcalloc(test, nr_cpu_ids, sizeof(*flippers), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, flippers);
	for_each_online_cpu(cpu) {
		flippers[cpu].pfn = get_block(test);
		init_completion(&flippers[cpu].done);
	}
	for_each_online_cpu(cpu) {
		thread = kthread_run_on_cpu(flipper_thread, &flippers[cpu], cpu, "flipper/%u");
		KUNIT_ASSERT_FALSE(test, IS_ERR(thread));
	}
	for (i = 0; i < 8; i++) {
		addr = (unsigned long)pfn_to_kaddr(get_block(test));
		KUNIT_EXPECT_EQ(test, 0, set_memory_ro(addr, 3));
		KUNIT_EXPECT_EQ(test, 0, set_memory_rw(addr, 3));
	}
	for_each_online_cpu(cpu) {
		wait_for_completion(&flippers[cpu].done);
		KUNIT_EXPECT_STREQ(test, flippers[cpu].failed ?: "nothing", "nothing");
	}
}

static int pageblock_test_suite_init(struct kunit_suite *suite)
{
	if (arch_unmapped_unsupported())
		return 0;
	return mermap_init() ?: arch_unmapped_init();
}

static int pageblock_test_case_init(struct kunit *test)
{
	const char *reason = arch_unmapped_unsupported();

	if (reason)
		kunit_skip(test, "%s", reason);
	return 0;
}

/* A test maps all back that it unmapped. */
static void pageblock_test_case_exit(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, unmapped_validate(), 0);
}

static struct kunit_case pageblock_test_cases[] = {
	/* The first two find no 1 GiB mapping once the others have been at work. */
	KUNIT_CASE(test_gb_entry_no_reserve),
	KUNIT_CASE(test_gb_entry),
	KUNIT_CASE(test_pmd_entry),
	KUNIT_CASE(test_pmd_entry_hw_bits),
	KUNIT_CASE(test_pte_entries),
	KUNIT_CASE(test_pte_entries_after_stock),
	KUNIT_CASE(test_refused_uncached),
	KUNIT_CASE(test_refused_uncached_pmd),
	KUNIT_CASE(test_refused_readonly),
	KUNIT_CASE(test_refused_absent),
	KUNIT_CASE(test_refused_unmapped),
	KUNIT_CASE(test_memory_failure),
	KUNIT_CASE(test_vmalloc_permissions),
	KUNIT_CASE(test_excluded),
	KUNIT_CASE(test_no_split),
	KUNIT_CASE(test_concurrent),
	{}
};

static struct kunit_suite pageblock_test_suite = {
	.name = "unmapped_pageblock",
	.suite_init = pageblock_test_suite_init,
	.init = pageblock_test_case_init,
	.exit = pageblock_test_case_exit,
	.test_cases = pageblock_test_cases,
};

kunit_test_suite(pageblock_test_suite);

MODULE_DESCRIPTION("Tests of the flip of pageblocks in the x86 direct map");
MODULE_LICENSE("GPL");

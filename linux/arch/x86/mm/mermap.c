// SPDX-License-Identifier: GPL-2.0
/*
 * One kernel-only address space per CPU for the ephemeral mapping
 *
 * Owns the address spaces and the slots in them. mm/mermap.c decides when a
 * slot is used.
 *
 * The address space is an mm_struct as bare as efi_mm: no task ever has it, so
 * it needs none of the per-CPU counters that mm_alloc() makes. Its PGD comes
 * from pgd_alloc(): the kernel half is cloned, and because the PGD is on pgd_list
 * entries that are added later (memory hotplug) reach it too. The user half has
 * one path of page tables, to MERMAP_BASE: a PTE table whose first
 * MERMAP_MAX_PAGES entries are the page slots, and beside it, in the same PMD
 * table, the block slot. All tables exist from the start; a visit allocates
 * nothing and, as no other CPU ever loads the address space, locks nothing.
 *
 * Memory for each CPU that ever came up: the PGD (4 KiB, 8 KiB where PTI is
 * built in), three tables of 4 KiB (four with 5-level paging), one mm_struct and
 * a bit for each possible CPU.
 *
 * Invariants:
 * - A slot entry is for the kernel only (no USER bit on any level), not
 *   executable, never global, and not copied to the PGD that PTI loads in user
 *   mode.
 * - A slot that was emptied has its translation dropped while the address space
 *   is still loaded. With PCID the address space keeps an ASID between visits
 *   and is loaded again without a flush, so nothing may stay behind in it.
 * - The address space is loaded with no task given to the switch: mitigations
 *   for a change of the user task (IBPB, L1D flush) do not run, and are not
 *   needed, for no user code runs here and the former address space comes back.
 *
 * Locks: none. Contexts: see <asm/mermap.h>.
 */
#include <linux/atomic.h>
#include <linux/mermap.h>
#include <linux/mm.h>
#include <linux/mmap_lock.h>
#include <linux/mmu_context.h>
#include <linux/percpu.h>
#include <linux/slab.h>
#include <linux/topology.h>
#include <linux/user_namespace.h>

#include <asm/debugreg.h>
#include <asm/mermap.h>
#include <asm/mmu_context.h>
#include <asm/pgalloc.h>
#include <asm/tlb.h>
#include <asm/tlbflush.h>

/*
 * Anywhere in the user half of 4-level paging, far from zero. The page slots
 * are the first entries of the first PTE table of a PMD table, the block slot
 * is the second entry of that PMD table.
 */
#define MERMAP_BASE	BIT(46)
#define MERMAP_BLOCK	(MERMAP_BASE + PMD_SIZE)

enum mermap_table {
	MERMAP_PTE,
	MERMAP_PMD,
	MERMAP_PUD,
	MERMAP_P4D,
	MERMAP_NR_TABLES,
};

/**
 * struct mermap_space - address space of one CPU
 * @mm: what the CPU loads, NULL if the CPU never came up
 * @tables: page tables of the user half. Those of a CPU that is up never change;
 *	slots are written by that CPU only.
 */
struct mermap_space {
	struct mm_struct *mm;
	void *tables[MERMAP_NR_TABLES];
};

static DEFINE_PER_CPU(struct mermap_space, mermap_space);

static pte_t *page_slot(const struct mermap_space *space, unsigned int slot)
{
	return (pte_t *)space->tables[MERMAP_PTE] + pte_index(MERMAP_BASE) + slot;
}

static pmd_t *block_slot(const struct mermap_space *space)
{
	return (pmd_t *)space->tables[MERMAP_PMD] + pmd_index(MERMAP_BLOCK);
}

static pgprot_t slot_prot(void)
{
	return __pgprot(pgprot_val(PAGE_KERNEL) & ~_PAGE_GLOBAL);
}

static void free_space(struct mermap_space *space)
{
	int i;

	if (!space->mm)
		return;
	for (i = 0; i < MERMAP_NR_TABLES; i++)
		free_page((unsigned long)space->tables[i]);
	if (space->mm->pgd)
		pgd_free(space->mm, space->mm->pgd);
	kfree(space->mm);
	memset(space, 0, sizeof(*space));
}

/* As mm_init() in kernel/fork.c, without what only an mm with tasks needs. */
static struct mm_struct *alloc_mm(int node)
{
	struct mm_struct *mm;

	mm = kzalloc_node(sizeof(*mm) + cpumask_size(), GFP_KERNEL, node);
	if (!mm)
		return NULL;

	mt_init_flags(&mm->mm_mt, MM_MT_FLAGS);
	mt_set_external_lock(&mm->mm_mt, &mm->mmap_lock);
	atomic_set(&mm->mm_users, 1);
	atomic_set(&mm->mm_count, 1);
	seqcount_init(&mm->write_protect_seq);
	mmap_init_lock(mm);
	INIT_LIST_HEAD(&mm->mmlist);
	spin_lock_init(&mm->page_table_lock);
	spin_lock_init(&mm->arg_lock);
	mm_init_cpumask(mm);
	mm->user_ns = &init_user_ns;
	init_new_context(NULL, mm);
	return mm;
}

static int alloc_tables(struct mermap_space *space, int node)
{
	struct page *page;
	int i;

	for (i = 0; i < MERMAP_NR_TABLES; i++) {
		if (i == MERMAP_P4D && !pgtable_l5_enabled())
			continue;
		page = alloc_pages_node(node, GFP_KERNEL | __GFP_ZERO, 0);
		if (!page)
			return -ENOMEM;
		space->tables[i] = page_address(page);
	}
	return 0;
}

static unsigned long table_entry(void *table)
{
	return __pa(table) | _KERNPG_TABLE;
}

/*
 * Hang the tables into the user half. _PAGE_NOPTISHADOW on whichever level the
 * PGD page holds keeps the entry out of the PGD that user mode runs on.
 */
static void link_tables(struct mermap_space *space)
{
	pgd_t *pgd = pgd_offset_pgd(space->mm->pgd, MERMAP_BASE);
	p4d_t *p4d;
	pud_t *pud;
	pmd_t *pmd;

	pmd = (pmd_t *)space->tables[MERMAP_PMD] + pmd_index(MERMAP_BASE);
	set_pmd(pmd, __pmd(table_entry(space->tables[MERMAP_PTE])));
	pud = (pud_t *)space->tables[MERMAP_PUD] + pud_index(MERMAP_BASE);
	set_pud(pud, __pud(table_entry(space->tables[MERMAP_PMD])));
	if (pgtable_l5_enabled()) {
		p4d = (p4d_t *)space->tables[MERMAP_P4D] + p4d_index(MERMAP_BASE);
		set_p4d(p4d, __p4d(table_entry(space->tables[MERMAP_PUD])));
		set_pgd(pgd, __pgd(table_entry(space->tables[MERMAP_P4D]) |
				   _PAGE_NOPTISHADOW));
	} else {
		p4d = p4d_offset(pgd, MERMAP_BASE);
		set_p4d(p4d, __p4d(table_entry(space->tables[MERMAP_PUD]) |
				   _PAGE_NOPTISHADOW));
	}
}

int arch_mermap_prepare(unsigned int cpu)
{
	struct mermap_space *space = per_cpu_ptr(&mermap_space, cpu);
	struct mermap_space new = {};
	int node = cpu_to_node(cpu);

	BUILD_BUG_ON(MERMAP_MAX_PAGES > PTRS_PER_PTE);
	BUILD_BUG_ON(ARCH_MERMAP_BLOCK_PAGES % MERMAP_MAX_PAGES);
	BUILD_BUG_ON(pud_index(MERMAP_BASE) != pud_index(MERMAP_BLOCK));

	/* The CPU was up before, its address space waits for it. */
	if (space->mm)
		return 0;

	new.mm = alloc_mm(node);
	if (!new.mm)
		return -ENOMEM;
	if (alloc_tables(&new, node))
		goto err;
	/* No node to choose here: the PGD comes from the one we run on. */
	if (!pgd_alloc(new.mm)) {
		new.mm->pgd = NULL;
		goto err;
	}
	link_tables(&new);
	memcpy(space->tables, new.tables, sizeof(new.tables));
	/*
	 * A CPU that is up already may look at once. Pairs with the address
	 * dependency from arch_mermap_ready() to the tables.
	 */
	smp_store_release(&space->mm, new.mm);
	return 0;

err:
	free_space(&new);
	return -ENOMEM;
}

void arch_mermap_free(unsigned int cpu)
{
	free_space(per_cpu_ptr(&mermap_space, cpu));
}

bool arch_mermap_ready(void)
{
	return __this_cpu_read(mermap_space.mm);
}

struct mm_struct *arch_mermap_enter(void)
{
	struct mm_struct *prev;

	lockdep_assert_irqs_disabled();

	/*
	 * First of all end lazy TLB mode, which misses flushes of the loaded
	 * mm: coming back to that mm would end the mode with stale entries.
	 * After this the loaded mm is init_mm. See use_temporary_mm().
	 */
	if (this_cpu_read(cpu_tlbstate_shared.is_lazy))
		leave_mm();

	prev = this_cpu_read(cpu_tlbstate.loaded_mm);
	switch_mm_irqs_off(NULL, __this_cpu_read(mermap_space.mm), NULL);

	/* A user's watchpoint may be on an address that a slot has. */
	if (hw_breakpoint_active())
		hw_breakpoint_disable();
	return prev;
}

void arch_mermap_pause(void)
{
	if (hw_breakpoint_active())
		hw_breakpoint_restore();
}

void arch_mermap_reenter(void)
{
	if (hw_breakpoint_active())
		hw_breakpoint_disable();
}

void arch_mermap_leave(struct mm_struct *prev)
{
	lockdep_assert_irqs_disabled();
	switch_mm_irqs_off(NULL, prev, NULL);
	if (hw_breakpoint_active())
		hw_breakpoint_restore();
}

void *arch_mermap_set_page(unsigned int slot, unsigned long pfn)
{
	pte_t *pte = page_slot(this_cpu_ptr(&mermap_space), slot);

	VM_WARN_ON_ONCE(!pte_none(*pte));
	/* No flush: the slot was empty, and x86 caches no absent translation. */
	set_pte(pte, pfn_pte(pfn, slot_prot()));
	return (void *)(MERMAP_BASE + slot * PAGE_SIZE);
}

/* Counts what it does, so that a test can miss it: an emulator may not. */
static unsigned int drop_translation(unsigned long addr)
{
	if (!mermap_keeps_translations())
		invlpg(addr);
	return 1;
}

unsigned int arch_mermap_drop_pages(unsigned int nr_slots)
{
	pte_t *pte = page_slot(this_cpu_ptr(&mermap_space), 0);
	unsigned int i, nr_dropped = 0;

	/* All accesses through the slots come before. */
	barrier();
	for (i = 0; i < nr_slots; i++) {
		set_pte(pte + i, __pte(0));
		nr_dropped += drop_translation(MERMAP_BASE + i * PAGE_SIZE);
	}
	return nr_dropped;
}

void *arch_mermap_set_block(unsigned long pfn)
{
	pmd_t *pmd = block_slot(this_cpu_ptr(&mermap_space));
	pgprot_t prot = __pgprot(pgprot_val(slot_prot()) | _PAGE_PSE);

	VM_WARN_ON_ONCE(!pmd_none(*pmd));
	set_pmd(pmd, pfn_pmd(pfn, prot));
	return (void *)MERMAP_BLOCK;
}

unsigned int arch_mermap_drop_block(void)
{
	barrier();
	set_pmd(block_slot(this_cpu_ptr(&mermap_space)), __pmd(0));
	return drop_translation(MERMAP_BLOCK);
}

bool arch_mermap_is_idle(int cpu)
{
	const struct mermap_space *space = per_cpu_ptr(&mermap_space, cpu);
	unsigned int i;

	if (!space->mm)
		return true;
	for (i = 0; i < MERMAP_MAX_PAGES; i++) {
		if (!pte_none(READ_ONCE(*page_slot(space, i))))
			return false;
	}
	return pmd_none(READ_ONCE(*block_slot(space)));
}

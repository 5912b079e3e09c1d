// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of the ephemeral mapping: contents, the state that a visit leaves behind,
 * and every context that it may be used from.
 *
 * The pages are ordinary ones, mapped in the direct map, so that the tests can
 * look at them there. What a visit does is the same for an unmapped page; that
 * one can be reached is tested in arch/x86/mm/pat/pageblock_kunit.c.
 */
#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/cpu.h>
#include <linux/delay.h>
#include <linux/interrupt.h>
#include <linux/irq_work.h>
#include <linux/kthread.h>
#include <linux/mermap.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/mmu_context.h>
#include <linux/nmi.h>
#include <linux/sched/mm.h>
#include <linux/smp.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include <asm/mermap.h>

#ifdef CONFIG_X86
#include <asm/apic.h>
#include <asm/nmi.h>
#include <asm/tlbflush.h>
#endif

#include "internal.h"

#define FILL	0x5a

static void free_test_pages(void *page)
{
	__free_pages(page, page_private((struct page *)page));
}

/* Pages filled with FILL, freed when the test ends. */
static struct page *get_pages(struct kunit *test, unsigned int order)
{
	struct page *page = alloc_pages(GFP_KERNEL, order);

	KUNIT_ASSERT_NOT_NULL(test, page);
	set_page_private(page, order);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, free_test_pages, page));
	memset(page_address(page), FILL, PAGE_SIZE << order);
	return page;
}

static bool pages_hold(struct page *page, unsigned int nr_pages, u8 byte)
{
	return !memchr_inv(page_address(page), byte, nr_pages * PAGE_SIZE);
}

static struct mm_struct *loaded_mm(void)
{
#ifdef CONFIG_X86
	return this_cpu_read(cpu_tlbstate.loaded_mm);
#else
	return NULL;
#endif
}

static bool cpu_is_lazy(void)
{
#ifdef CONFIG_X86
	return this_cpu_read(cpu_tlbstate_shared.is_lazy);
#else
	return false;
#endif
}

/*
 * What one CPU did between two readings of its counters. Pages of other users
 * would be counted too; at boot there are none.
 */
static struct mermap_stats stats_since(int cpu, const struct mermap_stats *before)
{
	struct mermap_stats now;

	mermap_read_stats(cpu, &now);
	now.visits -= before->visits;
	now.pages -= before->pages;
	now.invlpg -= before->invlpg;
	now.nested -= before->nested;
	return now;
}

/**
 * struct probe - all operations once, in a context that cannot assert
 * @pages: two adjacent pages filled with FILL
 * @failed: what went wrong first, NULL if nothing
 * @lazy: the context was in lazy TLB mode
 * @idle: the context interrupted the idle task
 * @hardirq: the context was a hard interrupt
 * @softirq: the context was a soft interrupt
 * @done: the context has ended
 */
struct probe {
	struct page *pages;
	const char *failed;
	bool lazy;
	bool idle;
	bool hardirq;
	bool softirq;
	struct completion done;
};

static const char *probe_operations(struct probe *probe)
{
	struct page *a = probe->pages, *b = probe->pages + 1;
	u8 buf[16];

	if (!mermap_clear_pages(a, 1) || !pages_hold(a, 1, 0))
		return "clear";
	if (!pages_hold(b, 1, FILL))
		return "clear went too far";
	if (!mermap_copy_page(a, b) || !pages_hold(a, 1, FILL))
		return "copy page";
	memset(buf, 1, sizeof(buf));
	if (!mermap_copy_to(a, 33, buf, sizeof(buf)) ||
	    memcmp(page_address(a) + 33, buf, sizeof(buf)))
		return "copy to";
	memset(buf, 2, sizeof(buf));
	if (!mermap_copy_from(buf, a, 32, sizeof(buf)) ||
	    memcmp(page_address(a) + 32, buf, sizeof(buf)))
		return "copy from";
	return NULL;
}

static const char *probe_context(struct probe *probe)
{
	int cpu = get_cpu();
	bool lazy = cpu_is_lazy(), irqs_off = irqs_disabled();
	struct mm_struct *mm = loaded_mm();
	struct mermap_stats before, stats;
	const char *failed;

	probe->lazy = lazy;
	probe->idle = is_idle_task(current);
	probe->hardirq = in_hardirq();
	probe->softirq = in_serving_softirq();

	mermap_read_stats(cpu, &before);
	failed = probe_operations(probe);
	stats = stats_since(cpu, &before);
	if (!failed && !(stats.visits == 4 && stats.pages == 5 && stats.invlpg == 5 &&
			 stats.nested == 0))
		failed = "counters";
	if (!failed && !mermap_is_idle(cpu))
		failed = "slot not empty";
	if (!failed && irqs_disabled() != irqs_off)
		failed = "interrupt state";
	if (!failed && loaded_mm() != (lazy ? &init_mm : mm))
		failed = "loaded mm";
	if (!failed && cpu_is_lazy())
		failed = "still lazy";
	put_cpu();
	return failed;
}

static void probe_run(struct probe *probe)
{
	probe->failed = probe_context(probe);
	complete(&probe->done);
}

static void probe_init(struct kunit *test, struct probe *probe)
{
	memset(probe, 0, sizeof(*probe));
	probe->pages = get_pages(test, 1);
	init_completion(&probe->done);
}

static void expect_probe(struct kunit *test, struct probe *probe)
{
	wait_for_completion(&probe->done);
	KUNIT_EXPECT_STREQ(test, probe->failed ?: "nothing", "nothing");
}

/* KUnit runs its tests in kernel threads, so this is one too. */
static void test_kernel_thread(struct kunit *test)
{
	struct probe probe;

	probe_init(test, &probe);
	KUNIT_ASSERT_NULL(test, current->mm);
	probe_run(&probe);
	expect_probe(test, &probe);
}

static void test_irqs_off(struct kunit *test)
{
	struct probe probe;
	unsigned long flags;

	probe_init(test, &probe);
	local_irq_save(flags);
	probe.failed = probe_context(&probe);
	local_irq_restore(flags);
	complete(&probe.done);
	expect_probe(test, &probe);
}

static void test_user_mm(struct kunit *test)
{
	unsigned long addr;
	struct probe probe;
	int val = 0;

	probe_init(test, &probe);
	addr = kunit_vm_mmap(test, NULL, 0, PAGE_SIZE, PROT_READ | PROT_WRITE,
			     MAP_ANONYMOUS | MAP_PRIVATE, 0);
	KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE(addr) || !addr);
	KUNIT_ASSERT_NOT_NULL(test, current->mm);
	KUNIT_ASSERT_EQ(test, 0, put_user(4711, (int __user *)addr));

	probe_run(&probe);
	expect_probe(test, &probe);
	KUNIT_EXPECT_FALSE(test, probe.lazy);
	KUNIT_EXPECT_EQ(test, 0, get_user(val, (int __user *)addr));
	KUNIT_EXPECT_EQ(test, 4711, val);
}

static bool may_walk;

static void ask_may_walk(void)
{
	may_walk |= mermap_may_walk(current->mm);
}

/* In a visit an NMI leaves the page tables of the task alone, and only there. */
static void test_may_walk(struct kunit *test)
{
	struct page *page = get_pages(test, 6);
	unsigned long addr, flags;
	bool before, after;

	addr = kunit_vm_mmap(test, NULL, 0, PAGE_SIZE, PROT_READ | PROT_WRITE,
			     MAP_ANONYMOUS | MAP_PRIVATE, 0);
	KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE(addr) || !addr);

	may_walk = false;
	local_irq_save(flags);
	before = mermap_may_walk(current->mm);
	mermap_test.in_visit = ask_may_walk;
	mermap_clear_pages(page, 64);
	mermap_test.in_visit = NULL;
	after = mermap_may_walk(current->mm);
	local_irq_restore(flags);

	KUNIT_EXPECT_TRUE(test, before);
	KUNIT_EXPECT_FALSE(test, may_walk);
	KUNIT_EXPECT_TRUE(test, after);
}

static struct probe *tasklet_probe;

static void probe_tasklet_fn(struct tasklet_struct *unused)
{
	probe_run(tasklet_probe);
}

static DECLARE_TASKLET(probe_tasklet, probe_tasklet_fn);

static void test_softirq(struct kunit *test)
{
	struct probe probe;

	probe_init(test, &probe);
	tasklet_probe = &probe;
	tasklet_schedule(&probe_tasklet);
	expect_probe(test, &probe);
	tasklet_kill(&probe_tasklet);
	KUNIT_EXPECT_TRUE(test, probe.softirq);
}

static struct probe *irq_work_probe;

static void probe_irq_work_fn(struct irq_work *unused)
{
	probe_run(irq_work_probe);
}

static struct irq_work probe_irq_work = IRQ_WORK_INIT_HARD(probe_irq_work_fn);

static void test_hardirq(struct kunit *test)
{
	struct probe probe;

	probe_init(test, &probe);
	irq_work_probe = &probe;
	irq_work_queue(&probe_irq_work);
	expect_probe(test, &probe);
	irq_work_sync(&probe_irq_work);
	KUNIT_EXPECT_TRUE(test, probe.hardirq);
}

static int other_cpu(void)
{
	return cpumask_any_but(cpu_online_mask, raw_smp_processor_id());
}

static void probe_on_cpu(void *probe)
{
	probe_run(probe);
}

static DECLARE_COMPLETION(lazy_done);

/* Use @mm on the thread's CPU, and leave the CPU lazily with it. */
static int leave_lazy(void *mm)
{
	kthread_use_mm(mm);
	kthread_unuse_mm(mm);
	complete(&lazy_done);
	return 0;
}

/*
 * A visit on an idle CPU in lazy TLB mode must end the mode. The call arrives as a
 * hard interrupt, or from the idle loop itself if that polls (MWAIT).
 */
static void test_lazy_idle(struct kunit *test)
{
	struct mm_struct *mm = mm_alloc();
	struct task_struct *thread;
	struct probe probe;
	int cpu, try;

	KUNIT_ASSERT_NOT_NULL(test, mm);
	cpus_read_lock();
	migrate_disable();
	cpu = other_cpu();
	for (try = 0; cpu < nr_cpu_ids && try < 100; try++) {
		probe_init(test, &probe);
		thread = kthread_run_on_cpu(leave_lazy, mm, cpu, "mermap_lazy");
		if (IS_ERR(thread))
			break;
		wait_for_completion(&lazy_done);
		/* Let the thread exit and the CPU go idle. */
		msleep(20);
		smp_call_function_single(cpu, probe_on_cpu, &probe, true);
		expect_probe(test, &probe);
		if (probe.lazy && probe.idle)
			break;
	}
	migrate_enable();
	cpus_read_unlock();
	mmput(mm);
	if (cpu >= nr_cpu_ids)
		kunit_skip(test, "needs two CPUs");
	KUNIT_EXPECT_TRUE(test, probe.lazy && probe.idle);
}

/* Everywhere a CPU can be bothered from: hard interrupt on all CPUs at once. */
static void probe_all_irq(void *probes)
{
	probe_run((struct probe *)probes + smp_processor_id());
}

static void test_all_cpus_hardirq(struct kunit *test)
{
	struct probe *probes;
	int cpu;

	probes = kunit_kcalloc(test, nr_cpu_ids, sizeof(*probes), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, probes);
	for (cpu = 0; cpu < nr_cpu_ids; cpu++)
		probe_init(test, &probes[cpu]);
	cpus_read_lock();
	on_each_cpu(probe_all_irq, probes, true);
	for_each_online_cpu(cpu)
		expect_probe(test, &probes[cpu]);
	cpus_read_unlock();
}

/* Threads on all CPUs, interrupted and preempted, each with pages of its own. */
static int stress_thread(void *data)
{
	struct probe *probe = data;
	unsigned int i;

	for (i = 0; i < 500 && !probe->failed; i++) {
		memset(page_address(probe->pages), FILL, PAGE_SIZE * 2);
		probe->failed = probe_operations(probe);
		if (!probe->failed && i % 50 == 0)
			cond_resched();
	}
	complete(&probe->done);
	return 0;
}

static void test_all_cpus(struct kunit *test)
{
	struct task_struct *thread;
	struct probe *probes;
	int cpu;

	probes = kunit_kcalloc(test, nr_cpu_ids, sizeof(*probes), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, probes);
	for (cpu = 0; cpu < nr_cpu_ids; cpu++)
		probe_init(test, &probes[cpu]);
	cpus_read_lock();
	for_each_online_cpu(cpu) {
		thread = kthread_run_on_cpu(stress_thread, &probes[cpu], cpu,
					    "mermap_test/%u");
		if (IS_ERR(thread)) {
			probes[cpu].failed = "no thread";
			complete(&probes[cpu].done);
		}
	}
	for_each_online_cpu(cpu)
		expect_probe(test, &probes[cpu]);
	cpus_read_unlock();
}

/* Clear @nr_pages from @page and check contents and counters. */
static void check_clear(struct kunit *test, struct page *page, unsigned int nr_pages,
			unsigned int nr_visits, unsigned int nr_entries)
{
	struct mermap_stats before, stats;
	bool done;
	int cpu;

	cpu = get_cpu();
	mermap_read_stats(cpu, &before);
	done = mermap_clear_pages(page, nr_pages);
	stats = stats_since(cpu, &before);
	put_cpu();

	KUNIT_EXPECT_TRUE(test, done);
	KUNIT_EXPECT_TRUE(test, pages_hold(page, nr_pages, 0));
	KUNIT_EXPECT_EQ(test, stats.visits, nr_visits);
	KUNIT_EXPECT_EQ(test, stats.pages, nr_pages);
	KUNIT_EXPECT_EQ(test, stats.invlpg, nr_entries);
	KUNIT_EXPECT_TRUE(test, mermap_is_idle(cpu));
}

static void test_clear_many(struct kunit *test)
{
	struct page *page = get_pages(test, 6);

	/* 40 pages that begin in the middle: 16, 16, 8 */
	check_clear(test, page + 3, 40, 3, 40);
	KUNIT_EXPECT_TRUE(test, pages_hold(page, 3, FILL));
	KUNIT_EXPECT_TRUE(test, pages_hold(page + 43, 21, FILL));
	check_clear(test, page, MERMAP_MAX_PAGES, 1, MERMAP_MAX_PAGES);
	check_clear(test, page, MERMAP_MAX_PAGES + 1, 2, MERMAP_MAX_PAGES + 1);
	check_clear(test, page, 0, 0, 0);
}

/* A whole block goes through one entry, set again in each visit. */
static void test_clear_block(struct kunit *test)
{
	struct page *page = get_pages(test, 10);

	check_clear(test, page, 512, 32, 32);
	KUNIT_EXPECT_TRUE(test, pages_hold(page + 512, 512, FILL));
	memset(page_address(page), FILL, 1024 * PAGE_SIZE);
	/* 1 page before a block, the block, nothing of the next */
	check_clear(test, page + 511, 513, 33, 33);
	KUNIT_EXPECT_TRUE(test, pages_hold(page, 511, FILL));
}

/* Poisoned pages are not touched, not even by the entry of a whole block. */
static void test_clear_poisoned(struct kunit *test)
{
#ifdef CONFIG_MEMORY_FAILURE
	struct page *page = get_pages(test, 9);
	struct mermap_stats before, stats;
	int cpu;

	SetPageHWPoison(page + 100);
	cpu = get_cpu();
	mermap_read_stats(cpu, &before);
	KUNIT_EXPECT_TRUE(test, mermap_clear_pages(page, 512));
	stats = stats_since(cpu, &before);
	put_cpu();
	ClearPageHWPoison(page + 100);

	KUNIT_EXPECT_TRUE(test, pages_hold(page, 100, 0));
	KUNIT_EXPECT_TRUE(test, pages_hold(page + 100, 1, FILL));
	KUNIT_EXPECT_TRUE(test, pages_hold(page + 101, 411, 0));
	KUNIT_EXPECT_EQ(test, stats.visits, 32);
	KUNIT_EXPECT_EQ(test, stats.invlpg, 511);
#else
	kunit_skip(test, "no memory failure handling");
#endif
}

/**
 * struct visit_log - what was seen from within visits
 * @page: for a nested call
 * @visits: visits seen
 * @irqs: interrupts that came in after a visit had asked for one
 * @irqs_on: a visit ran with interrupts on
 * @idle: a visit ran with all slots empty
 * @nested_done: a nested call returned true
 */
static struct visit_log {
	struct page *page;
	unsigned int visits;
	unsigned int irqs;
	bool irqs_on;
	bool idle;
	bool nested_done;
} visit_log;

static void count_irq(struct irq_work *unused)
{
	visit_log.irqs++;
}

static struct irq_work visit_irq_work = IRQ_WORK_INIT_HARD(count_irq);

static void ask_for_irq(void)
{
	visit_log.visits++;
	visit_log.irqs_on |= !irqs_disabled();
	visit_log.idle |= mermap_is_idle(smp_processor_id());
	irq_work_queue(&visit_irq_work);
}

/* Interrupts are served between visits if, and only if, they were on. */
static void test_irqs_between_visits(struct kunit *test)
{
	struct page *page = get_pages(test, 9);
	unsigned long flags;
	unsigned int irqs;

	preempt_disable();
	mermap_test.in_visit = ask_for_irq;
	mermap_clear_pages(page, 512);
	mermap_test.in_visit = NULL;
	preempt_enable();
	irq_work_sync(&visit_irq_work);
	KUNIT_EXPECT_EQ(test, visit_log.visits, 32);
	KUNIT_EXPECT_EQ(test, visit_log.irqs, 32);

	local_irq_save(flags);
	mermap_test.in_visit = ask_for_irq;
	mermap_clear_pages(page, 64);
	mermap_test.in_visit = NULL;
	irqs = visit_log.irqs;
	local_irq_restore(flags);
	irq_work_sync(&visit_irq_work);
	KUNIT_EXPECT_EQ(test, visit_log.visits, 36);
	KUNIT_EXPECT_EQ(test, irqs, 32);
	KUNIT_EXPECT_FALSE(test, visit_log.irqs_on);
	KUNIT_EXPECT_FALSE(test, visit_log.idle);
}

static void call_nested(void)
{
	u8 buf[8] = {};

	visit_log.nested_done |= mermap_clear_pages(visit_log.page, 1);
	visit_log.nested_done |= mermap_copy_page(visit_log.page, visit_log.page + 1);
	visit_log.nested_done |= mermap_copy_to(visit_log.page, 0, buf, sizeof(buf));
	visit_log.nested_done |= mermap_copy_from(buf, visit_log.page, 0, sizeof(buf));
}

/* A nested call fails, changes nothing, and is reported once. */
static void test_nested(struct kunit *test)
{
	struct page *page = get_pages(test, 1);
	struct mermap_stats before, stats;
	int cpu;

	visit_log.page = get_pages(test, 1);
	mermap_test.reported = false;
	mermap_test.quiet = true;
	cpu = get_cpu();
	mermap_read_stats(cpu, &before);
	mermap_test.in_visit = call_nested;
	KUNIT_EXPECT_TRUE(test, mermap_clear_pages(page, 2));
	mermap_test.in_visit = NULL;
	stats = stats_since(cpu, &before);
	put_cpu();

	KUNIT_EXPECT_TRUE(test, pages_hold(page, 2, 0));
	KUNIT_EXPECT_TRUE(test, pages_hold(visit_log.page, 2, FILL));
	KUNIT_EXPECT_FALSE(test, visit_log.nested_done);
	KUNIT_EXPECT_EQ(test, stats.visits, 1);
	KUNIT_EXPECT_EQ(test, stats.nested, 4);
	KUNIT_EXPECT_EQ(test, mermap_test.reports, 1);
	/* The CPU is not stuck in a visit. */
	KUNIT_EXPECT_TRUE(test, mermap_clear_pages(page, 1));
}

#if defined(CONFIG_X86_LOCAL_APIC) && defined(CONFIG_SMP)
static bool nmi_seen;

static int call_from_nmi(unsigned int type, struct pt_regs *regs)
{
	if (!visit_log.page)
		return NMI_DONE;
	visit_log.nested_done |= mermap_clear_pages(visit_log.page, 1);
	WRITE_ONCE(nmi_seen, true);
	return NMI_HANDLED;
}

/* In an NMI a call fails as a nested one does, inside and outside a visit. */
static void send_nmi(void)
{
	int spins = 100000000;

	WRITE_ONCE(nmi_seen, false);
	__apic_send_IPI_mask(cpumask_of(smp_processor_id()), NMI_VECTOR);
	while (!READ_ONCE(nmi_seen) && --spins)
		cpu_relax();
	visit_log.irqs += !!spins;
}

static void test_nmi(struct kunit *test)
{
	struct page *page = get_pages(test, 0);
	struct mermap_stats before, stats;
	int cpu;

	KUNIT_ASSERT_EQ(test, 0, register_nmi_handler(NMI_LOCAL, call_from_nmi, 0,
						      "mermap_test"));
	visit_log.page = get_pages(test, 0);
	mermap_test.reported = false;
	mermap_test.quiet = true;
	cpu = get_cpu();
	mermap_read_stats(cpu, &before);
	send_nmi();
	mermap_test.in_visit = send_nmi;
	KUNIT_EXPECT_TRUE(test, mermap_clear_pages(page, 1));
	mermap_test.in_visit = NULL;
	stats = stats_since(cpu, &before);
	put_cpu();
	unregister_nmi_handler(NMI_LOCAL, "mermap_test");

	KUNIT_EXPECT_EQ(test, visit_log.irqs, 2);
	KUNIT_EXPECT_FALSE(test, visit_log.nested_done);
	KUNIT_EXPECT_TRUE(test, pages_hold(visit_log.page, 1, FILL));
	KUNIT_EXPECT_TRUE(test, pages_hold(page, 1, 0));
	KUNIT_EXPECT_EQ(test, stats.nested, 2);
	KUNIT_EXPECT_EQ(test, mermap_test.reports, 1);
}
#else
static void test_nmi(struct kunit *test)
{
	kunit_skip(test, "no way to send an NMI");
}
#endif

/* A CPU that was away works as before, with the same counters. */
static void test_cpu_hotplug(struct kunit *test)
{
#ifdef CONFIG_HOTPLUG_CPU
	struct mermap_stats before, stats;
	struct probe probe;
	int cpu;

	for_each_online_cpu(cpu) {
		if (cpu_is_hotpluggable(cpu))
			break;
	}
	if (cpu >= nr_cpu_ids)
		kunit_skip(test, "no CPU that can go offline");
	mermap_read_stats(cpu, &before);
	KUNIT_ASSERT_EQ(test, 0, remove_cpu(cpu));
	KUNIT_EXPECT_TRUE(test, mermap_is_idle(cpu));
	KUNIT_ASSERT_EQ(test, 0, add_cpu(cpu));

	probe_init(test, &probe);
	smp_call_function_single(cpu, probe_on_cpu, &probe, true);
	expect_probe(test, &probe);
	stats = stats_since(cpu, &before);
	KUNIT_EXPECT_EQ(test, stats.visits, 4);
#else
	kunit_skip(test, "CPUs cannot go offline");
#endif
}

/* Section: translations of emptied slots */

/* The first byte of a page, as a slot shows it, which is empty then */
static u8 show_by_page(struct page *page)
{
	u8 byte;

	arch_mermap_copy(&byte, arch_mermap_set_page(0, page_to_pfn(page)), 1);
	arch_mermap_drop_pages(1);
	return byte;
}

static u8 show_by_block(struct page *page)
{
	u8 byte;

	arch_mermap_copy(&byte, arch_mermap_set_block(page_to_pfn(page)), 1);
	arch_mermap_drop_block();
	return byte;
}

/*
 * Does a slot show a page that it had before? While the address space stays loaded
 * nothing but dropping the translation keeps it from that, on any machine.
 */
static bool slot_is_stale(u8 (*show)(struct page *page), struct page *first,
			  struct page *second)
{
	struct mm_struct *prev;
	unsigned long flags;
	u8 shown;

	local_irq_save(flags);
	prev = arch_mermap_enter();
	show(first);
	shown = show(second);
	arch_mermap_leave(prev);
	local_irq_restore(flags);
	return shown != *(u8 *)page_address(second);
}

static void test_stale_slots(struct kunit *test)
{
	unsigned int order = ilog2(ARCH_MERMAP_BLOCK_PAGES);
	struct page *a = get_pages(test, order), *b = get_pages(test, order);

	*(u8 *)page_address(b) = (u8)~FILL;
	KUNIT_EXPECT_FALSE(test, slot_is_stale(show_by_page, a, b));
	KUNIT_EXPECT_FALSE(test, slot_is_stale(show_by_block, a, b));

	/* The test of the test */
	mermap_test.keep_translations = true;
	KUNIT_EXPECT_TRUE(test, slot_is_stale(show_by_page, a, b));
	KUNIT_EXPECT_TRUE(test, slot_is_stale(show_by_block, a, b));
	mermap_test.keep_translations = false;
	KUNIT_EXPECT_FALSE(test, slot_is_stale(show_by_page, a, b));
	KUNIT_EXPECT_FALSE(test, slot_is_stale(show_by_block, a, b));
}

static int mermap_test_suite_init(struct kunit_suite *suite)
{
	return mermap_init();
}

static int mermap_test_case_init(struct kunit *test)
{
	memset(&visit_log, 0, sizeof(visit_log));
	memset(&mermap_test, 0, sizeof(mermap_test));
	return 0;
}

static void mermap_test_case_exit(struct kunit *test)
{
	memset(&mermap_test, 0, sizeof(mermap_test));
	KUNIT_EXPECT_EQ(test, unmapped_validate(), 0);
}

static struct kunit_case mermap_test_cases[] = {
	KUNIT_CASE(test_kernel_thread),
	KUNIT_CASE(test_irqs_off),
	KUNIT_CASE(test_user_mm),
	KUNIT_CASE(test_may_walk),
	KUNIT_CASE(test_softirq),
	KUNIT_CASE(test_hardirq),
	KUNIT_CASE(test_lazy_idle),
	KUNIT_CASE(test_all_cpus_hardirq),
	KUNIT_CASE(test_all_cpus),
	KUNIT_CASE(test_clear_many),
	KUNIT_CASE(test_clear_block),
	KUNIT_CASE(test_clear_poisoned),
	KUNIT_CASE(test_irqs_between_visits),
	KUNIT_CASE(test_nested),
	KUNIT_CASE(test_nmi),
	KUNIT_CASE(test_stale_slots),
	KUNIT_CASE(test_cpu_hotplug),
	{}
};

static struct kunit_suite mermap_test_suite = {
	.name = "mermap",
	.suite_init = mermap_test_suite_init,
	.init = mermap_test_case_init,
	.exit = mermap_test_case_exit,
	.test_cases = mermap_test_cases,
};

kunit_test_suite(mermap_test_suite);

MODULE_DESCRIPTION("Tests of the ephemeral mapping of unmapped pages");
MODULE_LICENSE("GPL");

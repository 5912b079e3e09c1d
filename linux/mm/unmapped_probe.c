// SPDX-License-Identifier: GPL-2.0
/*
 * Unmapped pages: the prober looks for stale translations.
 *
 * A thread on each CPU reads a block through the direct map, in a tight loop
 * with interrupts off for a stretch of reads, while the caller has the block
 * unmapped and handed out. Each CPU thereby holds translations when the flip
 * begins, and has the shootdown pending while it reads on. Once the allocation
 * has returned, no read may succeed until the block is mapped back (I1).
 *
 * The verdict comes from counts of reads, never from time: each step of a round
 * ends when every CPU has done its share. Threads make no visit of the mermap,
 * and are kernel threads without an address space of their own, so that nothing
 * but the shootdown drops their translations.
 *
 * With an alias, threads read the block through a vmap area that goes away before
 * the flip. vunmap() leaves its translations behind on every CPU, for a lazy flush
 * some day; the shootdown of the flip has to drop them as well. A read counts as
 * stale only if it finds what was written to the unmapped page since, so a new user
 * of the area does no harm.
 *
 * Steps of a round, published by the caller in probe_run.step and acknowledged
 * by each thread in prober.step:
 *   IDLE    nobody reads
 *   WATCH   the block is mapped, or about to be unmapped
 *   ABSENT  the block was handed out
 *
 * Context: process; one run at a time, CPUs neither come nor go.
 */
#define pr_fmt(fmt) "unmapped: " fmt

#include <linux/cpu.h>
#include <linux/irqflags.h>
#include <linux/kthread.h>
#include <linux/mermap.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>
#include <asm/unmapped.h>

#include "internal.h"

/* Reads of one stretch with interrupts off */
#define STRETCH_READS	64

/* Pages that are read, and their distance: a TLB can hold them all at once. */
#define WATCHED_PAGES	8
#define WATCHED_STRIDE	61

/* What the pages of an alias hold once they are unmapped */
#define PROBE_MARK	0x6d61726b656421a5UL

enum probe_phase {
	PROBE_IDLE,
	PROBE_WATCH,
	PROBE_ABSENT,
	NR_PROBE_PHASES,
};

/**
 * struct probe_run - what the threads share
 * @step: counts steps, its remainder by NR_PROBE_PHASES is the phase. Written by
 *	the caller of the run.
 * @block: first page of the block
 * @alias: where a vmap area maps the watched pages, or did, or NULL: threads use
 *	the direct map. Both are stable except in PROBE_IDLE.
 */
struct probe_run {
	unsigned int step;
	struct page *block;
	void *alias;
};

/**
 * struct prober - one thread
 * @task: the thread
 * @run: what it takes part in
 * @step: the step that it works on; it is done with those before
 * @nr_reads: reads done in @step
 * @hits: reads of PROBE_WATCH that succeeded, since the run began
 * @stale: reads of PROBE_ABSENT that succeeded
 * @reads: reads of both phases
 */
struct prober {
	struct task_struct *task;
	struct probe_run *run;
	unsigned int step;
	unsigned int nr_reads;
	unsigned long hits;
	unsigned long stale;
	unsigned long reads;
} ____cacheline_aligned_in_smp;

static DEFINE_MUTEX(probe_mutex);

/* Section: threads */

static struct page *watched_page(struct probe_run *run, unsigned int nr)
{
	return run->block + nr % WATCHED_PAGES * WATCHED_STRIDE;
}

static bool read_succeeds(struct probe_run *run, unsigned int nr, bool absent)
{
	void *addr = page_address(watched_page(run, nr));
	unsigned long value;

	if (run->alias)
		addr = run->alias + nr % WATCHED_PAGES * PAGE_SIZE;
	if (copy_from_kernel_nofault(&value, addr, sizeof(value)))
		return false;
	return !run->alias || !absent || value == PROBE_MARK;
}

/* Return false if there is nothing to read now. */
static bool probe_once(struct prober *prober)
{
	/* Pairs with next_step(): the block's state at the start of the read */
	unsigned int step = smp_load_acquire(&prober->run->step);
	unsigned int phase = step % NR_PROBE_PHASES;
	bool hit;

	if (step != prober->step) {
		WRITE_ONCE(prober->nr_reads, 0);
		/* Pairs with wait_for_probers(): reads of former steps are over */
		smp_store_release(&prober->step, step);
	}
	if (phase == PROBE_IDLE)
		return false;

	hit = read_succeeds(prober->run, prober->nr_reads, phase == PROBE_ABSENT);
	if (phase == PROBE_WATCH)
		prober->hits += hit;
	else
		prober->stale += hit;
	prober->reads++;
	WRITE_ONCE(prober->nr_reads, prober->nr_reads + 1);
	return true;
}

static int probe_thread(void *data)
{
	struct prober *prober = data;
	bool busy = true;
	int i;

	while (!kthread_should_stop()) {
		local_irq_disable();
		for (i = 0; i < STRETCH_READS; i++) {
			busy = probe_once(prober);
			if (!busy)
				break;
		}
		local_irq_enable();

		if (busy)
			cond_resched();
		else
			schedule_timeout_idle(1);
	}
	return 0;
}

static void stop_probers(struct prober *probers)
{
	int cpu;

	for_each_online_cpu(cpu) {
		if (probers[cpu].task)
			kthread_stop(probers[cpu].task);
	}
}

static int start_probers(struct prober *probers, struct probe_run *run)
{
	struct task_struct *task;
	int cpu;

	for_each_online_cpu(cpu) {
		probers[cpu].run = run;
		task = kthread_create_on_cpu(probe_thread, &probers[cpu], cpu,
					     "unmapped_probe/%u");
		if (IS_ERR(task)) {
			stop_probers(probers);
			return PTR_ERR(task);
		}
		probers[cpu].task = task;
		wake_up_process(task);
	}
	return 0;
}

/* Section: rounds */

/* Wait until all threads are in the current step and did so many reads in it. */
static void wait_for_probers(struct prober *probers, struct probe_run *run,
			     unsigned int nr_reads)
{
	int cpu;

	for_each_online_cpu(cpu) {
		/* Pairs with probe_once() */
		while (smp_load_acquire(&probers[cpu].step) != run->step ||
		       READ_ONCE(probers[cpu].nr_reads) < nr_reads)
			schedule_timeout_uninterruptible(1);
	}
}

static void next_step(struct prober *probers, struct probe_run *run,
		      enum probe_phase phase, unsigned int nr_reads)
{
	unsigned int step = run->step + 1;

	while (step % NR_PROBE_PHASES != phase)
		step++;
	/* Pairs with probe_once(): what was done to the block comes before */
	smp_store_release(&run->step, step);
	wait_for_probers(probers, run, nr_reads);
}

static bool may_unmap_all(unsigned long pfn, unsigned long end_pfn)
{
	for (; pfn < end_pfn; pfn += pageblock_nr_pages) {
		if (!arch_may_unmap_block(pfn))
			return false;
	}
	return true;
}

static unsigned long first_blocks(struct zone *zone, unsigned int order,
				  int migratetype)
{
	unsigned long nr_pages = 1UL << order;
	struct list_head *list;
	unsigned long pfn, i;
	unsigned int from;
	struct page *page;

	for (from = order; from < NR_PAGE_ORDERS; from++) {
		list = &zone->free_area[from].free_list[migratetype];
		list_for_each_entry(page, list, buddy_list) {
			pfn = page_to_pfn(page);
			for (i = 0; i < 1UL << from; i += nr_pages) {
				if (may_unmap_all(pfn + i, pfn + i + nr_pages))
					return pfn + i;
			}
		}
	}
	return 0;
}

/**
 * unmapped_next_blocks - tell what the next flip will take
 * @zone: where
 * @order: order of the flip, at least pageblock_order
 * @migratetype: type of the request
 *
 * Context: any. The answer is good until someone else allocates or frees whole
 * blocks: compare it with what the flip took.
 * Return: first page frame number, 0 if there is nothing to take.
 */
unsigned long unmapped_next_blocks(struct zone *zone, unsigned int order,
				   int migratetype)
{
	const int types[] = {
		migratetype, MIGRATE_UNMOVABLE, MIGRATE_RECLAIMABLE, MIGRATE_MOVABLE
	};
	unsigned long pfn = 0;
	unsigned long flags;
	int i;

	spin_lock_irqsave(&zone->lock, flags);
	for (i = 0; !pfn && i < ARRAY_SIZE(types); i++)
		pfn = first_blocks(zone, order, types[i]);
	spin_unlock_irqrestore(&zone->lock, flags);
	return pfn;
}

static struct page *alloc_unmapped_block(int nid)
{
	return alloc_pages_node(nid, GFP_USER | __GFP_UNMAPPED | __GFP_NOWARN,
				pageblock_order);
}

static bool map_alias(struct probe_run *run)
{
	struct page *pages[WATCHED_PAGES];
	int i;

	for (i = 0; i < WATCHED_PAGES; i++)
		pages[i] = watched_page(run, i);
	run->alias = vmap(pages, WATCHED_PAGES, VM_MAP, PAGE_KERNEL);
	return run->alias;
}

static void mark_pages(struct probe_run *run)
{
	const unsigned long mark = PROBE_MARK;
	int i;

	/* A page without a mark has no stale reads; hits tell of such a failure. */
	for (i = 0; i < WATCHED_PAGES; i++)
		mermap_copy_to(watched_page(run, i), 0, &mark, sizeof(mark));
}

/*
 * Have one block flipped. No free block is unmapped at the start, so the
 * allocation has to flip. Return whether the block was the one watched.
 */
static bool probe_flip(struct zone *zone, struct prober *probers,
		       struct probe_run *run, const struct unmapped_probe *probe)
{
	struct page *page;
	unsigned long pfn;
	bool watched;

	while (unmapped_take_back(zone, UNMAPPED_BACK_REQUEST))
		;
	pfn = unmapped_next_blocks(zone, pageblock_order, MIGRATE_UNMOVABLE);
	if (!pfn)
		return false;

	run->block = pfn_to_page(pfn);
	run->alias = NULL;
	if (probe->alias && !map_alias(run))
		return false;
	next_step(probers, run, PROBE_WATCH, probe->nr_reads);
	if (run->alias)
		vunmap(run->alias);
	page = alloc_unmapped_block(zone_to_nid(zone));
	watched = page == run->block;
	if (watched && run->alias)
		mark_pages(run);
	if (watched)
		next_step(probers, run, PROBE_ABSENT, probe->nr_reads);
	next_step(probers, run, PROBE_IDLE, 0);

	if (page)
		__free_pages(page, pageblock_order);
	return watched;
}

/* The zone that flips take blocks from. A round there may fail all the same. */
static struct zone *find_zone(void)
{
	struct page *page = alloc_unmapped_block(numa_mem_id());
	struct zone *zone;

	if (!page)
		return NULL;
	zone = page_zone(page);
	__free_pages(page, pageblock_order);
	return zone;
}

static void run_flips(struct unmapped_probe *probe, struct zone *zone,
		      struct prober *probers, struct probe_run *run)
{
	int cpu;

	/* Someone else may take the block first; a few times that is no fault. */
	while (probe->flips < probe->nr_flips && probe->missed <= probe->nr_flips) {
		if (probe_flip(zone, probers, run, probe))
			probe->flips++;
		else
			probe->missed++;
	}
	for_each_online_cpu(cpu) {
		probe->reads += probers[cpu].reads;
		probe->hits += probers[cpu].hits;
		probe->stale += probers[cpu].stale;
	}
}

/**
 * unmapped_probe_flips - let every CPU watch flips, and look for stale reads
 * @probe: what to do, and the results
 *
 * Context: process, may sleep.
 * Return: 0 if the run took place, whatever it found; -EOPNOTSUPP where no block
 * can be unmapped, or -ENOMEM.
 */
int unmapped_probe_flips(struct unmapped_probe *probe)
{
	struct probe_run run = { .step = PROBE_IDLE };
	struct prober *probers;
	struct zone *zone;
	int err;

	zone = unmapped_enabled() ? find_zone() : NULL;
	if (!zone)
		return -EOPNOTSUPP;
	probers = kcalloc(nr_cpu_ids, sizeof(*probers), GFP_KERNEL);
	if (!probers)
		return -ENOMEM;

	mutex_lock(&probe_mutex);
	cpus_read_lock();
	err = start_probers(probers, &run);
	if (!err) {
		run_flips(probe, zone, probers, &run);
		stop_probers(probers);
	}
	cpus_read_unlock();
	mutex_unlock(&probe_mutex);
	kfree(probers);
	return err;
}

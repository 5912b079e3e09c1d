// SPDX-License-Identifier: GPL-2.0-only
/*
 * Secrets move between NUMA nodes: by move_pages(2), migrate_pages(2) and
 * mbind(2), while their owner writes to them and while he does not, and by NUMA
 * balancing. They hold what they held, are absent afterwards, and where they were
 * nothing is left.
 * New ones come from the node that mbind(2) or set_mempolicy(2) names.
 *
 * Needs two nodes. Stock refuses to move secrets, and knows no policy for a part
 * of them: there, they must stay whole.
 *
 * Guards against: a copy through the direct map (which faults, or needs the
 * page present), a destination that is mapped memory, a source or destination
 * that is not cleared, writes that are lost while a page moves.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/mempolicy.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "area.h"
#include "frames.h"
#include "kcore.h"
#include "kfile.h"
#include "kstat.h"
#include "ktap.h"
#include "mark.h"
#include "node.h"
#include "validator.h"

#define NR_PAGES	2048UL	/* 4 blocks */
#define NR_WRITTEN	256UL	/* pages that are written to while they move */
#define NR_ROUNDS	20
#define NR_ZERO		16384UL	/* more than all secrets before */
#define FREE_SLACK	(4 * MIB / PAGE_SIZE)

static bool moves;	/* does this kernel move secrets? */

/* Section: secrets */

static long bind_policy(struct area *area, int node, unsigned int flags)
{
	unsigned long mask = 1UL << node;

	return syscall(SYS_mbind, area->start, area->size, MPOL_BIND, &mask,
		       8 * sizeof(mask), flags);
}

static bool is_whole(const struct area *area, u64 seed)
{
	return !mark_count_wrong_pages(area->start, area_nr_pages(area), seed) &&
	       area_is_absent(area);
}

/* A secret on node 0 that holds the marks of @seed. */
static struct area marked_secret(u64 seed)
{
	struct area area = secret_area(NR_PAGES * PAGE_SIZE);

	node_set_policy(MPOL_BIND, 1UL << 0);
	mark_fill_pages(area.start, NR_PAGES, seed);
	node_set_policy(MPOL_DEFAULT, 0);
	return area;
}

/* Did all pages move to @node, or none where secrets do not move? */
static bool moved_to(const struct area *area, int node)
{
	return moves ? node_holds(area, node) :
		       node_count(area, node) < area_nr_pages(area);
}

/* Section: policy */

/*
 * Before anything else, when no block is unmapped: a preferred node whose memory has
 * to be unmapped first goes before another, which this CPU is on.
 */
static void test_preferred_many(void)
{
	for (int node = 1; node >= 0; node--) {
		struct area area = secret_area(NR_PAGES * PAGE_SIZE);

		pin_to_cpu(node ? 0 : nr_cpus_online() - 1);
		node_set_policy(MPOL_PREFERRED_MANY, 1UL << node);
		mark_fill_pages(area.start, NR_PAGES, 1);
		node_set_policy(MPOL_DEFAULT, 0);
		ktap_ok(node_holds(&area, node),
			"set_mempolicy: new pages are on the preferred node %d", node);
		area_destroy(&area);
	}
	unpin();
}

static void test_policy(void)
{
	struct area area = secret_area(NR_PAGES * PAGE_SIZE);

	node_set_policy(MPOL_BIND, 1UL << 1);
	mark_fill_pages(area.start, NR_PAGES, 1);
	node_set_policy(MPOL_DEFAULT, 0);
	ktap_ok(node_holds(&area, 1), "set_mempolicy: new pages are on node 1");
	area_destroy(&area);

	for (int node = 1; node >= 0; node--) {
		area = secret_area(NR_PAGES * PAGE_SIZE);
		if (bind_policy(&area, node, 0))
			die_errno("mbind");
		mark_fill_pages(area.start, NR_PAGES, 1);
		if (moves)
			ktap_ok(node_holds(&area, node),
				"mbind: new pages are on node %d", node);
		else
			ktap_skip("this kernel ignores mbind",
				  "mbind: new pages are on node %d", node);
		area_destroy(&area);
	}
}

/* Section: moves */

static void test_move_pages(void)
{
	struct area area = marked_secret(2);
	int *status = calloc(NR_PAGES, sizeof(*status));

	ktap_ok(node_holds(&area, 0), "a secret is on node 0");
	/* The result says how many stayed; what counts is where they are. */
	ktap_note("move_pages: %ld", node_move(&area, 1, status));
	ktap_ok(moved_to(&area, 1), "move_pages to node 1");
	ktap_ok(is_whole(&area, 2), "it is what it was, and absent");
	ktap_note("move_pages: %ld", node_move(&area, 0, status));
	ktap_ok((!moves || node_holds(&area, 0)) && is_whole(&area, 2),
		"and so it is when it has come back");
	ktap_ok(!kcore_search_marks(KCORE, 2, NR_PAGES * WORDS_PER_PAGE).nr_marks,
		"no memory that is present holds a part of it");
	area_destroy(&area);
	free(status);
}

static void test_migrate_pages(void)
{
	struct area area = marked_secret(3);
	unsigned long from = 1UL << 0, to = 1UL << 1;

	ktap_note("migrate_pages: %ld",
		  syscall(SYS_migrate_pages, 0, 8 * sizeof(from), &from, &to));
	ktap_ok(moved_to(&area, 1) && is_whole(&area, 3),
		"migrate_pages to node 1: all of it, whole and absent");
	syscall(SYS_migrate_pages, 0, 8 * sizeof(from), &to, &from);
	ktap_ok((!moves || node_holds(&area, 0)) && is_whole(&area, 3),
		"migrate_pages back");
	area_destroy(&area);
}

static void test_mbind_move(void)
{
	struct area area = marked_secret(4);

	ktap_note("mbind: %ld", bind_policy(&area, 1, MPOL_MF_MOVE));
	ktap_ok(moved_to(&area, 1) && is_whole(&area, 4),
		"mbind moves what is there: whole and absent");
	area_destroy(&area);
}

/*
 * Pages that are unmapped one by one, because no block may be, come from the node
 * that the policy names, and stay where they are. Another secret keeps the kernel
 * from forgetting about blocks.
 */
static void test_fallback(void)
{
	struct area other, area;
	int *status;

	if (!moves) {
		ktap_skip("this kernel moves no secrets",
			  "single pages do not move, and are absent");
		ktap_skip("this kernel ignores mbind",
			  "mbind: new single pages are on node 1");
		return;
	}
	other = marked_secret(5);
	write_file("/proc/sys/vm/unmapped_alloc", "0");
	area = marked_secret(6);
	status = calloc(NR_PAGES, sizeof(*status));
	node_move(&area, 1, status);
	ktap_ok(node_count(&area, 0) >= NR_PAGES / 2 && is_whole(&area, 6),
		"single pages do not move, and are absent");
	area_destroy(&area);
	area = secret_area(NR_PAGES * PAGE_SIZE);
	if (bind_policy(&area, 1, 0))
		die_errno("mbind");
	mark_fill_pages(area.start, NR_PAGES, 7);
	ktap_ok(node_holds(&area, 1) && is_whole(&area, 7),
		"mbind: new single pages are on node 1");
	write_file("/proc/sys/vm/unmapped_alloc", "1");
	area_destroy(&area);
	area_destroy(&other);
	free(status);
}

/* Section: moves while the owner writes */

struct writer {
	struct area *area;
	atomic_bool stop;
	u64 nr_passes;		/* complete ones */
	u64 nr_lost;		/* words that did not hold the last pass */
};

/* Each pass reads what the last one wrote, at both ends of each page. */
static void *write_passes(void *arg)
{
	struct writer *writer = arg;

	while (!atomic_load(&writer->stop)) {
		for (size_t i = 0; i < NR_WRITTEN; i++) {
			volatile u64 *page = area_page(writer->area, i);

			writer->nr_lost += page[0] != writer->nr_passes;
			writer->nr_lost += page[511] != writer->nr_passes;
			page[0] = writer->nr_passes + 1;
			page[511] = writer->nr_passes + 1;
		}
		writer->nr_passes++;
	}
	return NULL;
}

static void test_written(void)
{
	struct area area = secret_area(NR_WRITTEN * PAGE_SIZE);
	struct writer writer = { .area = &area };
	int *status = calloc(NR_WRITTEN, sizeof(*status));
	long nr_moved = vmstat_read("pgmigrate_success");
	pthread_t thread;

	if (pthread_create(&thread, NULL, write_passes, &writer))
		die(EXIT_FAILED, "no thread");
	for (int i = 0; i < NR_ROUNDS; i++)
		node_move(&area, ~i & 1, status);
	nr_moved = vmstat_read("pgmigrate_success") - nr_moved;
	atomic_store(&writer.stop, true);
	pthread_join(thread, NULL);
	ktap_note("%ld pages moved during %lu passes", nr_moved,
		  writer.nr_passes);
	ktap_ok(!writer.nr_lost, "no write is lost while pages move");
	ktap_ok(!moves || nr_moved > (long)NR_WRITTEN,
		"they did move meanwhile");
	ktap_ok(area_is_absent(&area), "they are absent");
	area_destroy(&area);
	free(status);
}

/* Section: NUMA balancing */

#define BALANCING	"/proc/sys/kernel/numa_balancing"
#define BALANCING_DIR	"/sys/kernel/debug/sched/numa_balancing"
#define GIVE_UP_SECONDS	240

static void set_balancing(bool on)
{
	write_file(BALANCING, on ? "1" : "0");
	/* Sooner than after a second, and as often as may be */
	if (on && kfile_exists(BALANCING_DIR)) {
		write_file(BALANCING_DIR "/scan_delay_ms", "20");
		write_file(BALANCING_DIR "/scan_period_min_ms", "20");
	}
}

/* Touch all pages until @node has them or time is up. How many has it? */
static size_t touch_until_on(struct area *area, int node)
{
	u64 end = now_ns() + GIVE_UP_SECONDS * 1000000000ULL;
	size_t nr = 0;

	do {
		for (int i = 0; i < 100; i++)
			mark_count_wrong_pages(area->start, area_nr_pages(area), 7);
		nr = node_count(area, node);
	} while (nr < area_nr_pages(area) && now_ns() < end);
	return nr;
}

/*
 * A task works on a secret that lies on another node, and its pages come after it: to
 * unmapped memory that stands free there, as faults of this kind may not block.
 */
static void test_hinting(void)
{
	struct area area;
	size_t nr_moved;

	if (!moves || !kfile_exists(BALANCING)) {
		ktap_skip("secrets or pages do not move on this kernel",
			  "NUMA balancing: a secret comes after its task");
		ktap_skip("the same", "it is what it was, and absent");
		return;
	}
	node_leave_blocks(1, 2 * NR_PAGES * PAGE_SIZE);
	area = marked_secret(7);
	/* Else the last pages, fewer than a batch, do not move */
	drain_lru_batches();
	pin_to_cpu(nr_cpus_online() - 1);
	set_balancing(true);
	nr_moved = touch_until_on(&area, 1);
	set_balancing(false);
	unpin();
	ktap_ok(nr_moved == NR_PAGES, "NUMA balancing: a secret comes after its task, %zu of %lu pages",
		nr_moved, NR_PAGES);
	ktap_ok(is_whole(&area, 7), "it is what it was, and absent");
	area_destroy(&area);
}

/* Whoever gets the pages next finds nothing in them. */
static void test_nothing_left(void)
{
	struct area area = secret_area(NR_ZERO * PAGE_SIZE);
	size_t nr_dirty = 0;

	for (size_t i = 0; i < NR_ZERO; i++)
		nr_dirty += !page_is_zero_from(area_page(&area, i), 0);
	ktap_ok(!nr_dirty, "pages that secrets moved from and to are zero");
	area_destroy(&area);
}

int main(void)
{
	struct area area;
	long nr_free;

	if (access("/sys/devices/system/node/node1", F_OK))
		die(EXIT_CANNOT_RUN, "two NUMA nodes are needed");
	ktap_plan(23);
	area = marked_secret(1);
	moves = kernel_unmaps_blocks();
	area_destroy(&area);
	nr_free = free_pages_read();
	test_preferred_many();
	test_policy();
	test_move_pages();
	test_migrate_pages();
	test_mbind_move();
	test_fallback();
	test_written();
	test_hinting();
	validator_report();

	ktap_ok(free_pages_read() > nr_free - (long)FREE_SLACK,
		"all memory came back: %ld pages were free, %ld are", nr_free,
		free_pages_read());
	test_nothing_left();
	return ktap_finish();
}

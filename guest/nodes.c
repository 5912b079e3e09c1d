// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which NUMA node secrets come from, and what they cost the others of a node:
 * a block of the own node is unmapped before pages are taken that stand free and
 * unmapped on another one; a cpuset's node is never left, not even when it is used
 * up; and unmapped memory of a node goes back before its page cache is reclaimed
 * (vm.zone_reclaim_mode).
 *
 * Needs two nodes, and a kernel that unmaps blocks.
 *
 * Guards against: remote memory for what local memory could serve, memory of nodes
 * that a cpuset forbids, reclaim for memory that is merely unmapped.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/mempolicy.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "area.h"
#include "demand.h"
#include "frames.h"
#include "kfile.h"
#include "kstat.h"
#include "ktap.h"
#include "mark.h"
#include "node.h"
#include "validator.h"

#define SWITCH		"/proc/sys/vm/unmapped_alloc"
#define FALLBACK	"/proc/sys/vm/unmapped_fallback"
#define CGROUP		"/sys/fs/cgroup"
#define GROUP		CGROUP "/node0"

#define SECRET_BYTES	(8 * MIB)
#define LEFT_BYTES	(64 * MIB)	/* unmapped and free on the other node */
#define RECLAIM_MODE	"/proc/sys/vm/zone_reclaim_mode"
#define RESERVE_PAGES	(8 * MIB / PAGE_SIZE)

static const char free_unmapped[] = "nr_free_unmapped_pages";

/* No free block is unmapped anywhere, then some of node 1 are. */
static void leave_blocks_on_node_1(void)
{
	write_file(SWITCH, "0");
	write_file(SWITCH, "1");
	node_leave_blocks(1, LEFT_BYTES);
}

/* Section: the own node */

static void test_local_first(void)
{
	struct area area = secret_area(SECRET_BYTES);
	long nr_left, nr_flips;

	leave_blocks_on_node_1();
	nr_left = node_vmstat(1, free_unmapped);
	nr_flips = vmstat_read("unmapped_flip");
	pin_to_cpu(0);
	mark_fill_pages(area.start, area_nr_pages(&area), 1);
	ktap_ok(nr_left >= (long)(LEFT_BYTES / PAGE_SIZE) &&
		node_vmstat(0, free_unmapped) < nr_left,
		"%ld unmapped pages stand free on node 1", nr_left);
	ktap_ok(node_holds(&area, 0), "a task on node 0 gets memory of its node");
	ktap_ok(vmstat_read("unmapped_flip") > nr_flips,
		"%ld blocks were unmapped for it", vmstat_read("unmapped_flip") - nr_flips);
	ktap_ok(node_vmstat(1, free_unmapped) == nr_left, "what stands free on node 1 is all there");
	area_destroy(&area);
}

/* Section: cpusets */

static void make_group(void)
{
	if (mkdir(CGROUP, 0755) && errno != EEXIST && errno != EPERM)
		die_errno(CGROUP);
	if (!kfile_exists(CGROUP "/cgroup.controllers") &&
	    mount("none", CGROUP, "cgroup2", 0, NULL))
		die_errno("mount " CGROUP);
	write_file(CGROUP "/cgroup.subtree_control", "+cpuset");
	if (mkdir(GROUP, 0755))
		die_errno("mkdir " GROUP);
	write_file(GROUP "/cpuset.mems", "0");
}

static void enter_group(void)
{
	char self[32];

	snprintf(self, sizeof(self), "%d", getpid());
	write_file(GROUP "/cgroup.procs", self);
}

/* On a CPU of node 1, which has unmapped pages free */
static int take_in_cpuset(void)
{
	struct area area = secret_area(SECRET_BYTES);

	enter_group();
	pin_to_cpu(nr_cpus_online() - 1);
	mark_fill_pages(area.start, area_nr_pages(&area), 2);
	return node_holds(&area, 0) && area_is_absent(&area) ? EXIT_PASSED : EXIT_FAILED;
}

/* More than node 0 has: what is granted is its memory all the same. */
static int use_cpuset_up(void)
{
	struct area area = secret_area((u64)meminfo_kb("MemTotal") * KIB / 100 * 70 & ~(PAGE_SIZE - 1));
	size_t nr;

	enter_group();
	pin_to_cpu(nr_cpus_online() - 1);
	nr = demand_words(&area, 3);
	ktap_note("%zu of %zu pages granted, %zu on node 0, %zu on node 1", nr,
		  area_nr_pages(&area), node_count(&area, 0), node_count(&area, 1));
	return nr && nr < area_nr_pages(&area) && !node_count(&area, 1) ? EXIT_PASSED : EXIT_FAILED;
}

static void test_cpuset(void)
{
	long nr_left;

	make_group();
	leave_blocks_on_node_1();
	nr_left = node_vmstat(1, free_unmapped);
	ktap_ok(demand_in_child(take_in_cpuset), "a cpuset of node 0: a task on node 1 gets memory of node 0");
	ktap_ok(node_vmstat(1, free_unmapped) == nr_left, "what stands free on node 1 is all there");

	write_file(FALLBACK, "0");
	nr_left = node_vmstat(1, free_unmapped);
	ktap_ok(demand_in_child(use_cpuset_up), "node 0 is used up: the rest is refused");
	ktap_ok(node_vmstat(1, free_unmapped) == nr_left, "what stands free on node 1 is all there");
	write_file(FALLBACK, "1");
	if (rmdir(GROUP))
		die_errno("rmdir " GROUP);
}

/* Section: reclaim of a node */

static long node_reclaims(void)
{
	return vmstat_read("zone_reclaim_success") + vmstat_read("zone_reclaim_failed");
}

static struct area take_ordinary(size_t nr_pages)
{
	struct area area = area_create(AREA_ANON, nr_pages * PAGE_SIZE);

	demand_words(&area, 4);
	return area;
}

/*
 * Ordinary memory of a node of which half stands free and unmapped: all that is free
 * and mapped, and a half of that. The control asks for what the node has not any more.
 */
static void test_reclaim_mode(void)
{
	long nr_mapped, nr_unmapped, nr_back, nr_reclaims;
	struct area area, more;

	write_file(RECLAIM_MODE, "1");
	/* Whatever is reclaimable would be worth while */
	write_file("/proc/sys/vm/min_unmapped_ratio", "0");
	write_file("/proc/sys/vm/min_slab_ratio", "0");
	pin_to_cpu(0);
	node_leave_blocks(0, (u64)node_vmstat(0, "nr_free_pages") / 2 * PAGE_SIZE);
	nr_unmapped = node_vmstat(0, free_unmapped);
	nr_mapped = node_vmstat(0, "nr_free_pages") - nr_unmapped;
	nr_back = vmstat_read("unmapped_take_back");
	nr_reclaims = node_reclaims();
	area = take_ordinary((size_t)(nr_mapped + nr_unmapped / 2));
	ktap_ok(vmstat_read("unmapped_take_back") > nr_back,
		"%ld pages free and mapped, %ld unmapped: %ld blocks go back for ordinary memory",
		nr_mapped, nr_unmapped, vmstat_read("unmapped_take_back") - nr_back);
	ktap_ok(node_count(&area, 0) > area_nr_pages(&area) - RESERVE_PAGES,
		"it comes from their node");
	ktap_ok(node_reclaims() == nr_reclaims, "nothing of the node was reclaimed for it: %ld tries",
		node_reclaims() - nr_reclaims);
	more = take_ordinary((size_t)nr_unmapped);
	ktap_ok(node_reclaims() > nr_reclaims, "beyond the node, reclaim is tried: %ld times",
		node_reclaims() - nr_reclaims);
	area_destroy(&more);
	area_destroy(&area);
	write_file(RECLAIM_MODE, "0");
}

int main(void)
{
	if (access("/sys/devices/system/node/node1", F_OK))
		die(EXIT_CANNOT_RUN, "two NUMA nodes are needed");
	if (!kfile_exists(SWITCH))
		die(EXIT_CANNOT_RUN, "this kernel unmaps no blocks");
	ktap_plan(13);
	test_local_first();
	test_cpuset();
	test_reclaim_mode();
	validator_report();
	return ktap_finish();
}

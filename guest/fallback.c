// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where no pageblock may be unmapped, secrets are unmapped page by page as on
 * stock: counted, just as absent, and forbidden by vm.unmapped_fallback=0.
 * Switching the feature off and on under a secret loses nothing. The log says
 * what was decided.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "area.h"
#include "dmap.h"
#include "frames.h"
#include "kmsg.h"
#include "kstat.h"
#include "ktap.h"

#define SIZE		(64 * PAGE_SIZE)
#define LOG		"unmapped: "
#define USER		1000
#define NR_ALLOWED	16

static void fill(const struct area *area, u64 value)
{
	for (size_t i = 0; i < area_nr_pages(area); i++)
		*area_page(area, i) = value + i;
}

static bool holds(const struct area *area, u64 value)
{
	for (size_t i = 0; i < area_nr_pages(area); i++) {
		if (*area_page(area, i) != value + i)
			return false;
	}
	return true;
}

static size_t nr_mapped_twice(void)
{
	struct dmap map;
	size_t nr;

	dmap_load(&map);
	nr = dmap_count_twice(&map);
	dmap_free(&map);
	return nr;
}

/*
 * A child that may have @nr_pages touches more. Of another user: what the parent
 * holds does not count against its limit.
 */
static bool stopped_by_limit(u64 nr_pages)
{
	pid_t pid = fork_child();

	if (!pid) {
		struct area area;

		limit_locked_memory(nr_pages * PAGE_SIZE);
		if (setgid(USER) || setuid(USER))
			die_errno("setuid");
		area = secret_area(SIZE);
		fill(&area, 1);
		_exit(0);
	}
	return child_killed_by(wait_child(pid), SIGBUS);
}

static bool touch_is_sigbus(void)
{
	pid_t pid = fork_child();

	if (!pid) {
		struct area area = secret_area(SIZE);

		fill(&area, 1);
		_exit(0);
	}
	return child_killed_by(wait_child(pid), SIGBUS);
}

int main(void)
{
	struct area before, during;
	/* Another program on this kernel may have switched as well */
	int nr_on = kmsg_count_lines(LOG "on: ", "2048 kB");
	int nr_stopping = kmsg_count_lines(LOG "stopping: ", "still in use");
	int nr_off = kmsg_count_lines(LOG "off: all pageblocks are mapped", "");
	long nr_fallbacks, nr_flips;
	size_t nr_twice;
	bool stopped;

	ktap_plan(15);
	/* Each CPU keeps some free unmapped pages: one CPU, and all are used up */
	pin_to_cpu(0);
	ktap_ok(nr_on >= 1,
		"the log says since boot that blocks are unmapped");
	before = secret_area(SIZE);
	fill(&before, 1);
	ktap_ok(area_is_absent(&before), "a secret of unmapped blocks is absent");

	write_file("/proc/sys/vm/unmapped_alloc", "0");
	ktap_ok(kmsg_count_lines(LOG "stopping: ", "still in use") == nr_stopping + 1,
		"switched off under a secret, the log says that it is in use");
	/* One block is in use and has free pages left: use them up. */
	nr_flips = vmstat_read("unmapped_flip");
	nr_fallbacks = vmstat_read("unmapped_fallback");
	during = secret_area(2 * BLOCK_BYTES);
	fill(&during, 1000);
	ktap_ok(vmstat_read("unmapped_flip") == nr_flips,
		"switched off, nothing is flipped");
	ktap_ok(vmstat_read("unmapped_fallback") > nr_fallbacks,
		"single pages are unmapped instead, and counted");
	ktap_ok(kmsg_count_lines(LOG "no pageblock to be had", "") == 1,
		"and logged once");
	ktap_ok(area_is_absent(&during), "these are absent as well");
	nr_twice = nr_mapped_twice();
	ktap_ok(!nr_twice, "any page can be: %zu are mapped a second time, by the kernel image",
		nr_twice);
	ktap_ok(holds(&before, 1) && holds(&during, 1000),
		"both secrets are what they were");

	/* A page that was tried for, and not handed out, is none */
	nr_fallbacks = vmstat_read("unmapped_fallback");
	stopped = stopped_by_limit(NR_ALLOWED);
	nr_fallbacks = vmstat_read("unmapped_fallback") - nr_fallbacks;
	ktap_ok(stopped && nr_fallbacks == NR_ALLOWED,
		"%d pages within a limit count as %ld", NR_ALLOWED, nr_fallbacks);

	write_file("/proc/sys/vm/unmapped_fallback", "0");
	ktap_ok(touch_is_sigbus(), "without the fallback a touch gives SIGBUS");
	write_file("/proc/sys/vm/unmapped_fallback", "1");
	write_file("/proc/sys/vm/unmapped_alloc", "1");
	area_destroy(&before);

	before = secret_area(2 * BLOCK_BYTES);
	fill(&before, 5);
	ktap_ok(vmstat_read("unmapped_flip") > nr_flips,
		"switched on again, blocks are flipped");
	ktap_ok(holds(&before, 5), "and hold what is written");
	area_destroy(&before);
	area_destroy(&during);
	write_file("/proc/sys/vm/unmapped_alloc", "0");
	/* The counter lags behind by what each CPU has not folded in yet. */
	ktap_ok(vmstat_read("nr_free_unmapped_pages") < (long)(BLOCK_BYTES / PAGE_SIZE),
		"switched off with nothing in use, all blocks go back");
	ktap_ok(kmsg_count_lines(LOG "off: all pageblocks are mapped", "") == nr_off + 1 &&
		kmsg_count_lines(LOG "on: ", "2048 kB") == nr_on + 1 &&
		kmsg_count_lines(LOG "no pageblock", "") == 1,
		"and the log says each change once");
	return ktap_finish();
}

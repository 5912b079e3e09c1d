// SPDX-License-Identifier: GPL-2.0-only
/*
 * Free page reporting (tools/vm --balloon) beside unmapped blocks. The kernel tells
 * the host which pages are free, and the host throws away what they held; whoever
 * reports takes whole blocks off the free lists meanwhile. Unmapped ones are none
 * of its business: they are not reported, neither at rest nor while blocks are
 * unmapped and mapped back beside it.
 *
 * A page that was reported and is still free carries a flag, which /proc/kpageflags
 * shows under another name.
 *
 * Reports take place in the background: what must come is waited for, as long as it
 * takes.
 *
 * Guards against: a report that walks the lists of unmapped pages, blocks that lie in
 * a report when someone else wants them.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/kernel-page-flags.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "area.h"
#include "dawdle.h"
#include "dmap.h"
#include "frames.h"
#include "kfile.h"
#include "kstat.h"
#include "ktap.h"
#include "mark.h"
#include "takers.h"
#include "validator.h"

#define KPAGEFLAGS	"/proc/kpageflags"
#define SWITCH		"/proc/sys/vm/unmapped_alloc"
#define RETURN_SECONDS	"/proc/sys/vm/unmapped_return_seconds"
#define BALLOON		"/sys/bus/virtio/drivers/virtio_balloon"

#define PAGES_PER_BLOCK	(BLOCK_BYTES / PAGE_SIZE)
#define DROPPED_BYTES	(128 * MIB)
#define FLIPPED_BYTES	(8 * MIB)
#define NR_TAKERS	2
#define REST_US		40000	/* or their pages keep each block unmapped */
#define NR_ROUNDS	4	/* of reports beside the takers */
#define WORK_BYTES	(256 * MIB)
#define NR_REPORTED	24	/* free pages that make a round; work leaves 64 of 4 MiB */
#define GIVE_UP_SECONDS	300

/*
 * Blocks with a free first frame. A free page of two blocks carries its flag on the
 * first of them only, so at most about half can be reported where memory is whole.
 */
struct tally {
	size_t nr_mapped, nr_mapped_reported;
	size_t nr_unmapped, nr_unmapped_reported;
};

/* PG_reported and PG_uptodate are one bit; a free page is never up to date. */
static bool is_reported(u64 flags)
{
	return flags >> KPF_UPTODATE & 1;
}

/* Frames that there are not read as KPF_NOPAGE, until the end of the file. */
static struct tally count_blocks(void)
{
	int fd = open(KPAGEFLAGS, O_RDONLY | O_CLOEXEC);
	struct tally tally = { };
	struct dmap map;
	u64 flags;

	if (fd < 0)
		die_errno(KPAGEFLAGS);
	dmap_load(&map);
	for (u64 pfn = 0; pread(fd, &flags, sizeof(flags), (off_t)(pfn * sizeof(flags))) > 0;
	     pfn += PAGES_PER_BLOCK) {
		if (!(flags >> KPF_BUDDY & 1))
			continue;
		if (dmap_pfn_present(&map, pfn)) {
			tally.nr_mapped++;
			tally.nr_mapped_reported += is_reported(flags);
		} else {
			tally.nr_unmapped++;
			tally.nr_unmapped_reported += is_reported(flags);
		}
	}
	dmap_free(&map);
	close(fd);	/* read only: nothing can be lost */
	return tally;
}

static void note_tally(const char *when, const struct tally *tally)
{
	ktap_note("%s: %zu of %zu free mapped blocks reported, %zu of %zu unmapped ones", when,
		  tally->nr_mapped_reported, tally->nr_mapped,
		  tally->nr_unmapped_reported, tally->nr_unmapped);
}

/* Blocks are unmapped, and those that are free go back. */
static void flip_both_ways(void)
{
	for (int i = 0; i < 4; i++) {
		struct area area = secret_area(FLIPPED_BYTES);

		mark_fill_pages(area.start, area_nr_pages(&area), 3);
		area_destroy(&area);
		write_file(SWITCH, "0");
		write_file(SWITCH, "1");
	}
}

/* Ordinary memory is used and freed: how many free pages were reported before? */
static size_t make_work(void)
{
	struct area area = area_create(AREA_ANON_HUGE, WORK_BYTES);
	size_t nr_reported;

	memset(area.start, 0x5a, area.size);
	nr_reported = count_blocks().nr_mapped_reported;
	area_destroy(&area);
	return nr_reported;
}

/* Returns once more are reported than when memory was in use. */
static bool report_while_flipping(void)
{
	size_t nr_before = make_work();

	for (int i = 0; i < GIVE_UP_SECONDS; i++) {
		flip_both_ways();
		if (count_blocks().nr_mapped_reported >= nr_before + NR_REPORTED)
			return true;
		sleep(1);
	}
	return false;
}

/* Have most been reported? */
static bool wait_for_most(struct tally *tally)
{
	*tally = count_blocks();
	for (int i = 0; i < GIVE_UP_SECONDS; i++) {
		if (tally->nr_mapped_reported > tally->nr_mapped / 4)
			return true;
		sleep(1);
		*tally = count_blocks();
	}
	return false;
}

static void test_at_rest(void)
{
	struct area area = secret_area(DROPPED_BYTES);
	struct tally tally;
	bool reported;

	mark_fill_pages(area.start, area_nr_pages(&area), 1);
	area_destroy(&area);
	make_work();
	reported = wait_for_most(&tally);
	note_tally("at rest", &tally);
	ktap_ok(reported, "at rest: free mapped blocks are reported");
	ktap_ok(tally.nr_unmapped >= DROPPED_BYTES / BLOCK_BYTES / 4 &&
		!tally.nr_unmapped_reported, "at rest: free unmapped blocks are not");
}

static void test_beside_takers(void)
{
	long nr_flips = vmstat_read("unmapped_flip");
	long nr_back = vmstat_read("unmapped_take_back");
	struct takers *takers = takers_start(NR_TAKERS, REST_US);
	struct tally tally;
	bool reported = true, whole;
	u64 nr_secrets;

	for (int i = 0; i < NR_ROUNDS && reported; i++) {
		reported = report_while_flipping();
		takers_wait(takers, 2);
	}
	whole = takers_stop(takers, &nr_secrets);
	nr_flips = vmstat_read("unmapped_flip") - nr_flips;
	nr_back = vmstat_read("unmapped_take_back") - nr_back;
	ktap_ok(reported, "free pages are reported beside takers of secrets, %d times %d",
		NR_ROUNDS, NR_REPORTED);
	ktap_ok(whole, "%lu secrets were zero at hand-out and whole", nr_secrets);
	ktap_ok(nr_flips > NR_ROUNDS && nr_back > NR_ROUNDS,
		"%ld blocks were unmapped meanwhile, %ld mapped back", nr_flips, nr_back);
	tally = count_blocks();
	note_tally("afterwards", &tally);
	ktap_ok(!tally.nr_unmapped_reported, "afterwards: free unmapped blocks are not reported");
}

int main(void)
{
	struct area area;

	if (!kfile_exists(SWITCH))
		die(EXIT_CANNOT_RUN, "this kernel unmaps no blocks");
	if (!kfile_exists(BALLOON))
		die(EXIT_CANNOT_RUN, "the kernel has no driver for a balloon");
	ktap_plan(8);
	write_file(RETURN_SECONDS, "0");
	dawdle(true);
	test_at_rest();
	test_beside_takers();
	dawdle(false);
	area = secret_area(DROPPED_BYTES);
	mark_fill_pages(area.start, area_nr_pages(&area), 2);
	ktap_ok(area_is_absent(&area), "a new secret is absent");
	area_destroy(&area);
	validator_report();
	return ktap_finish();
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unmapped blocks that nobody needs go back in the background after
 * vm.unmapped_return_seconds, all of them; with 0 they never do.
 *
 * Waits for what must happen as long as it takes; only what must not happen is
 * given a time.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "area.h"
#include "frames.h"
#include "kfile.h"
#include "kstat.h"
#include "ktap.h"
#include "mark.h"
#include "validator.h"

#define SWITCH		"/proc/sys/vm/unmapped_return_seconds"
#define SIZE		(64 * MIB)
#define NR_BLOCK_PAGES	((long)(BLOCK_BYTES / PAGE_SIZE))
#define NR_BLOCKS	((long)(SIZE / BLOCK_BYTES))
#define GIVE_UP_SECONDS	300
#define NEVER_SECONDS	4

static void take_and_drop(void)
{
	struct area area = secret_area(SIZE);

	mark_fill_pages(area.start, area_nr_pages(&area), 1);
	area_destroy(&area);
}

static long nr_free_unmapped(void)
{
	return vmstat_read("nr_free_unmapped_pages");
}

int main(void)
{
	struct area area;
	long nr_blocks;

	if (!kfile_exists(SWITCH))
		die(EXIT_CANNOT_RUN, "this kernel returns no blocks");
	ktap_plan(8);
	ktap_ok(kfile_number(SWITCH, 10) > 0, "it is on, after %lu seconds",
		kfile_number(SWITCH, 10));
	ktap_ok(kfile_write(SWITCH, "-1") && kfile_write(SWITCH, "604801"),
		"values that make no sense are refused");

	write_file(SWITCH, "0");
	take_and_drop();
	sleep(NEVER_SECONDS);
	ktap_ok(nr_free_unmapped() >= NR_BLOCKS * NR_BLOCK_PAGES,
		"0: %ld unmapped pages stay free", nr_free_unmapped());

	nr_blocks = vmstat_read("unmapped_take_back");
	write_file(SWITCH, "1");
	for (int i = 0; nr_free_unmapped() >= NR_BLOCK_PAGES &&
	     i < GIVE_UP_SECONDS; i++)
		sleep(1);
	nr_blocks = vmstat_read("unmapped_take_back") - nr_blocks;
	ktap_ok(nr_free_unmapped() < NR_BLOCK_PAGES,
		"1: %ld unmapped pages are free in the end", nr_free_unmapped());
	ktap_ok(nr_blocks >= NR_BLOCKS, "%ld blocks were mapped back", nr_blocks);
	validator_report();

	area = secret_area(SIZE);
	mark_fill_pages(area.start, area_nr_pages(&area), 2);
	sleep(NEVER_SECONDS);
	ktap_ok(!mark_count_wrong_pages(area.start, area_nr_pages(&area), 2) &&
		area_is_absent(&area), "secrets in use stay what they are, and absent");
	area_destroy(&area);
	for (int i = 0; nr_free_unmapped() >= NR_BLOCK_PAGES &&
	     i < GIVE_UP_SECONDS; i++)
		sleep(1);
	ktap_ok(nr_free_unmapped() < NR_BLOCK_PAGES && validator_is_content(),
		"and then their blocks go back, too");
	return ktap_finish();
}

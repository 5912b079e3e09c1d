// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory that secrets used goes offline and comes online again: what was
 * unmapped in it is mapped back first, nothing of the direct map is lost, and
 * whoever gets the memory next can use it. Live secrets move elsewhere and
 * stay what they are; on stock, where they do not move, their memory stays.
 *
 * Guards against: memory that goes offline while it is unmapped (its entry is
 * taken for a page table when the memory is removed), pageblock bits that
 * survive until the memory comes back.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "area.h"
#include "dmap.h"
#include "frames.h"
#include "hoard.h"
#include "kstat.h"
#include "ktap.h"
#include "memblock.h"
#include "validator.h"

#define STEP_BYTES	(32 * MIB)
#define ROOM_PERCENT	40	/* of RAM: may stay when the block must go */
#define MAX_PERCENT	85	/* of RAM: what came online is handed out last */
#define NR_INSIDE	2048	/* frames that make a memory block count as used */

static bool same_direct_map(struct direct_map a, struct direct_map b)
{
	if (a.kb_1g == b.kb_1g && a.kb_2m == b.kb_2m && a.kb_4k == b.kb_4k)
		return true;
	ktap_note("DirectMap 1G, 2M, 4k: %ld, %ld, %ld kB before; %ld, %ld, %ld kB after",
		  a.kb_1g, a.kb_2m, a.kb_4k, b.kb_1g, b.kb_2m, b.kb_4k);
	return false;
}

/* How many frames of the memory block have a translation? */
static u64 count_present_in(u64 block)
{
	struct dmap map;
	u64 nr_present = 0;

	dmap_load(&map);
	for (u64 pfn = memblock_start_pfn(block); pfn < memblock_end_pfn(block);
	     pfn++)
		nr_present += dmap_pfn_present(&map, pfn);
	dmap_free(&map);
	return nr_present;
}

/* Take memory until some of the memory block is among it. */
static bool take_in_block(struct hoard *hoard, u64 block, size_t nr_wanted)
{
	return hoard_take_until_in(hoard, STEP_BYTES, MAX_PERCENT, nr_wanted,
				   memblock_start_pfn(block),
				   memblock_end_pfn(block));
}

static void on_signal(int sig)
{
	(void)sig;
}

/*
 * Stock migrates for ever, until a signal comes: it is sent after enough
 * migrations have failed. A kernel may as well refuse by itself. The error.
 */
static int error_of_offline(u64 block)
{
	long nr_failed = vmstat_read("pgmigrate_fail");
	volatile int *error = shared_alloc(sizeof(*error));
	pid_t pid = fork_child();

	if (!pid) {
		struct sigaction action = { .sa_handler = on_signal };

		sigaction(SIGUSR1, &action, NULL);
		*error = memblock_offline(block);
		_exit(0);
	}
	while (!waitpid(pid, NULL, WNOHANG)) {
		if (vmstat_read("pgmigrate_fail") > nr_failed + 100)
			kill(pid, SIGUSR1);
		usleep(10000);
	}
	ktap_note("%ld migrations failed",
		  vmstat_read("pgmigrate_fail") - nr_failed);
	return *error;
}

/* Drop secrets that lie elsewhere, so that those which must move have room. */
static void make_room(struct hoard *secrets, u64 block)
{
	u64 max_bytes = (u64)meminfo_kb("MemTotal") * KIB / 100 * ROOM_PERCENT;

	for (size_t i = 0; i < secrets->nr; i++) {
		struct hoard one = { .areas = { secrets->areas[i] }, .nr = 1 };

		if (hoard_nr_bytes(secrets) > max_bytes &&
		    !hoard_count_in(&one, memblock_start_pfn(block),
				    memblock_end_pfn(block)))
			hoard_drop_one(secrets, i);
	}
}

/* Where secrets move, the memory goes. It comes back for the next test. */
static bool live_secrets_move(u64 block, int error)
{
	u64 nr_present = count_present_in(block);

	ktap_note("offline: %s, %lu pages are present", strerror(error),
		  nr_present);
	return !error && !memblock_online(block) &&
	       nr_present == memblock_nr_pages();
}

static void test_live_secrets(struct hoard *secrets, u64 block)
{
	int error;

	ktap_ok(take_in_block(secrets, block, NR_INSIDE) &&
		hoard_is_whole_and_absent(secrets),
		"memory that came online serves secrets, which are absent");
	ktap_ok(count_present_in(block) < memblock_nr_pages(),
		"not all of it is present");
	make_room(secrets, block);
	error = error_of_offline(block);
	if (kernel_unmaps_blocks())
		ktap_ok(live_secrets_move(block, error),
			"live secrets move, and it goes offline and comes back");
	else
		ktap_ok(error == EBUSY || error == EAGAIN || error == EINTR,
			"with live secrets it does not go offline: %s",
			strerror(error));
	ktap_ok(hoard_is_whole_and_absent(secrets),
		"they are what they were, and absent");
	validator_result("live: the validator is content");
}

/*
 * Without live secrets it goes; whatever else came to lie in it was migrated.
 * Where secrets split the direct map, a page table may have, and stays.
 */
static bool test_offline(u64 block)
{
	long nr_taken_back = vmstat_read("unmapped_take_back");
	int error = memblock_offline(block);

	ktap_ok(!error || (error == EBUSY && !kernel_unmaps_blocks()),
		"once they are gone it goes: %s", strerror(error));
	ktap_ok(count_present_in(block) == memblock_nr_pages(),
		"all of it is present");
	if (kernel_unmaps_blocks())
		ktap_ok(vmstat_read("unmapped_take_back") > nr_taken_back,
			"%ld unmapped blocks were mapped back",
			vmstat_read("unmapped_take_back") - nr_taken_back);
	else
		ktap_skip("this kernel unmaps no blocks",
			  "unmapped blocks were mapped back");
	validator_result("offline: the validator is content");
	return !error;
}

static void test_online(u64 block, bool offline)
{
	struct direct_map before = direct_map_read();
	int error = offline ? memblock_online(block) : 0;

	ktap_ok(!error, "it comes online again: %s", strerror(error));
	ktap_ok(same_direct_map(before, direct_map_read()),
		"the direct map is as before");
	validator_result("online: the validator is content");
}

int main(void)
{
	static struct hoard secrets = { .kind = AREA_SECRET, .seed = 100 };
	static struct hoard ordinary = { .kind = AREA_ANON, .seed = 1000 };
	long total_kb = meminfo_kb("MemTotal");
	u64 block;

	ktap_plan(14);
	block = memblock_find_movable();
	test_live_secrets(&secrets, block);
	take_in_block(&secrets, block, NR_INSIDE);
	hoard_drop(&secrets);
	test_online(block, test_offline(block));
	ktap_ok(take_in_block(&ordinary, block, 1) && hoard_holds(&ordinary),
		"it serves ordinary requests");
	hoard_drop(&ordinary);
	ktap_ok(meminfo_kb("MemTotal") == total_kb,
		"no memory is missing in the end");
	return ktap_finish();
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory of a virtio-mem device (tools/vm --virtio-mem) with secrets in it: the host
 * wants it back and gives it again. What was unmapped is mapped back
 * first, live secrets move elsewhere and stay what they are, and what comes again
 * serves everybody.
 *
 * The host does what a line "# host: BYTES" asks for: it wants the device to have that
 * much memory (tests/virtio-mem). A few pages of the kernel's own may hold a bit of
 * it back, so most of it counts as all of it.
 *
 * Booted with memhp_default_state=online_kernel: blocks of ZONE_MOVABLE are never
 * unmapped.
 *
 * Guards against: a device that gets memory back which has no translation; secrets that
 * are lost with the memory they lay in; pageblock bits that survive until it comes
 * again.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "area.h"
#include "dmap.h"
#include "frames.h"
#include "hoard.h"
#include "kfile.h"
#include "kpage.h"
#include "kstat.h"
#include "ktap.h"
#include "validator.h"

#define SIZE		(512 * MIB)
#define MIB_MOST	((long)(SIZE / MIB / 4 * 3))
#define STEP_BYTES	(16 * MIB)
#define MAX_PERCENT	60
#define NR_INSIDE	16384	/* frames in the device's memory: 64 MiB */
#define SAMPLE_STRIDE	17
#define NR_LOOKS	20
#define WAIT_SECONDS	600	/* the driver rests 50 s and more after a failure */

/* Where the device's memory is, in frames; the blocks there go and come. */
struct range {
	u64 start_pfn, end_pfn;
	u64 nr_bytes;
};

static struct range device_range(void)
{
	struct range range = { .start_pfn = ~0ULL };
	FILE *file = fopen("/proc/iomem", "re");
	char line[200];

	if (!file)
		die_errno("/proc/iomem");
	while (fgets(line, sizeof(line), file)) {
		unsigned long start, last;

		if (!strstr(line, "System RAM (virtio_mem)") ||
		    sscanf(line, " %lx-%lx", &start, &last) != 2)
			continue;
		if (start / PAGE_SIZE < range.start_pfn)
			range.start_pfn = start / PAGE_SIZE;
		range.end_pfn = (last + 1) / PAGE_SIZE;
		range.nr_bytes += last + 1 - start;
	}
	fclose(file);	/* read only: nothing can be lost */
	return range;
}

static void ask_host_for(u64 nr_bytes)
{
	ktap_note("host: %lu", nr_bytes);
	fflush(stdout);
}

/* Wait until the host has taken most of the device's memory. In MiB, what it has. */
static long wait_until_gone(long total_kb)
{
	for (int i = 0; i < WAIT_SECONDS &&
	     meminfo_kb("MemTotal") > total_kb - MIB_MOST * 1024; i++)
		sleep(1);
	return (total_kb - meminfo_kb("MemTotal")) / 1024;
}

/* Blocks that were mapped back since; most of memory may be gone before any of them. */
static long wait_for_map_backs(long nr_before)
{
	for (int i = 0; i < WAIT_SECONDS && vmstat_read("unmapped_take_back") == nr_before; i++)
		sleep(1);
	return vmstat_read("unmapped_take_back") - nr_before;
}

static bool wait_until_back(long total_kb)
{
	for (int i = 0; i < WAIT_SECONDS && meminfo_kb("MemTotal") < total_kb; i++)
		sleep(1);
	return meminfo_kb("MemTotal") >= total_kb;
}

/* All of it is there at boot, as soon as the driver has come round to it. */
static struct range wait_for_device(void)
{
	for (int i = 0; i < WAIT_SECONDS && device_range().nr_bytes < SIZE; i++)
		sleep(1);
	if (device_range().nr_bytes < SIZE)
		die(EXIT_CANNOT_RUN, "there are no %lu MiB of virtio-mem", SIZE / MIB);
	return device_range();
}

/*
 * The driver goes on beside the tests, and what moves between two looks at it seems
 * wrong; what is wrong stays so.
 */
static bool settles(bool (*is_right)(const void *arg), const void *arg)
{
	for (int i = 0; i < NR_LOOKS; i++) {
		if (is_right(arg))
			return true;
		sleep(1);
	}
	return false;
}

static bool secrets_are_absent(const void *secrets)
{
	return !hoard_count_present(secrets);
}

static bool whole_and_absent(const struct hoard *secrets)
{
	return hoard_holds(secrets) && settles(secrets_are_absent, secrets);
}

/* Of what went to the host and still has a struct page: is none absent? */
static bool gone_is_present(const void *arg)
{
	const struct range *range = arg;
	u64 end_pfn = device_range().end_pfn;
	size_t nr_gone = 0, nr_absent = 0;
	struct dmap map;

	dmap_load(&map);
	for (u64 pfn = range->start_pfn; pfn < end_pfn; pfn += SAMPLE_STRIDE) {
		if (!kpage_has_flag(pfn, KPF_OFFLINE))
			continue;
		nr_gone++;
		nr_absent += !dmap_pfn_present(&map, pfn);
	}
	dmap_free(&map);
	ktap_note("of %zu pages looked at that went and are still known, %zu are absent",
		  nr_gone, nr_absent);
	return !nr_absent;
}

static size_t take_inside(struct hoard *secrets, const struct range *range)
{
	return hoard_take_until_in(secrets, STEP_BYTES, MAX_PERCENT, NR_INSIDE,
				   range->start_pfn, range->end_pfn);
}

/* Unmapped blocks stand free in what must go. */
static void test_free_blocks(const struct range *range, long total_kb)
{
	static struct hoard secrets = { .kind = AREA_SECRET, .seed = 100 };
	long nr_taken_back, mib_gone;

	ktap_ok(take_inside(&secrets, range) >= NR_INSIDE &&
		whole_and_absent(&secrets), "secrets lie in the device's memory");
	hoard_drop(&secrets);
	/* A page that waits in a batch keeps its block, while the host is content */
	drain_lru_batches();
	nr_taken_back = vmstat_read("unmapped_take_back");
	ask_host_for(0);
	mib_gone = wait_until_gone(total_kb);
	ktap_ok(mib_gone >= MIB_MOST, "once they are gone most of it goes: %ld MiB", mib_gone);
	nr_taken_back = wait_for_map_backs(nr_taken_back);
	ktap_ok(nr_taken_back > 0, "%ld unmapped blocks were mapped back", nr_taken_back);
	ktap_ok(settles(gone_is_present, range), "what went has translations");
	validator_report();
}

/* Live secrets lie in what must go. */
static void test_live_secrets(struct hoard *secrets, const struct range *range, long total_kb)
{
	size_t nr_inside;
	long mib_gone;

	take_inside(secrets, range);
	nr_inside = hoard_count_in(secrets, range->start_pfn, range->end_pfn);
	ask_host_for(0);
	mib_gone = wait_until_gone(total_kb);
	ktap_ok(nr_inside >= NR_INSIDE && mib_gone >= MIB_MOST,
		"beside %zu pages of live secrets most of it goes: %ld MiB", nr_inside, mib_gone);
	ktap_ok(whole_and_absent(secrets), "they are what they were, and absent");
	ktap_ok(settles(gone_is_present, range), "live: what went has translations");
	validator_result("live: the validator is content");
}

static void test_again(struct hoard *secrets, const struct range *range, long total_kb)
{
	static struct hoard ordinary = { .kind = AREA_ANON, .seed = 1000 };

	ask_host_for(SIZE);
	ktap_ok(wait_until_back(total_kb), "all of it comes again");
	ktap_ok(hoard_take_until_in(&ordinary, STEP_BYTES, MAX_PERCENT, 1, range->start_pfn,
				    range->end_pfn) && hoard_holds(&ordinary),
		"it serves ordinary requests");
	hoard_drop(&ordinary);
	ktap_ok(whole_and_absent(secrets), "the secrets are whole and absent");
	validator_result("again: the validator is content");
}

int main(void)
{
	static struct hoard secrets = { .kind = AREA_SECRET, .seed = 500 };
	struct range range;
	long total_kb;

	range = wait_for_device();
	total_kb = meminfo_kb("MemTotal");
	ktap_plan(14);
	test_free_blocks(&range, total_kb);
	ask_host_for(SIZE);
	ktap_ok(wait_until_back(total_kb), "it comes back");
	test_live_secrets(&secrets, &range, total_kb);
	test_again(&secrets, &range, total_kb);
	return ktap_finish();
}

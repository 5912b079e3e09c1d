// SPDX-License-Identifier: GPL-2.0-only
/*
 * A kernel crashes that holds secrets and has free unmapped blocks, and another one,
 * loaded for that (kdump), reads its memory from /proc/vmcore: all of it, by physical
 * address, so what is absent from the direct map makes no hole. What was dropped
 * before is nowhere; what was held is there, as docs/design.md says of crash dumps.
 *
 * One program for both kernels (lib/nextkernel.h), which must have config/kexec.config
 * and boot with CRASH_KERNEL. The first prints nothing, as the host counts what PID 1
 * of the second passes on; its panic is a splat for tools/vm. That it is the only one,
 * and all results are good, is said in one line at the end.
 */
#define _GNU_SOURCE
#include <stdio.h>

#include "area.h"
#include "frames.h"
#include "kcore.h"
#include "kfile.h"
#include "kmsg.h"
#include "kstat.h"
#include "ktap.h"
#include "mark.h"
#include "nextkernel.h"
#include "validator.h"

#define CRASH_KERNEL	"crashkernel=160M"
#define LOADED		"/sys/kernel/kexec_crash_loaded"
/* As Debian's kdump-tools have it: it runs on the CPU that crashed. */
#define APPENDED	"nr_cpus=1"

#define SIZE		(64 * MIB)
#define NR_PAGES	(SIZE / PAGE_SIZE)
#define NR_MARKS	(SIZE / sizeof(u64))
#define OWN_BYTES	(16 * MIB)
#define SEED_HELD	1
#define SEED_DROPPED	2
#define SEED_ORDINARY	3
#define SEED_OWN	4

#define FREE_LISTS	"LENGTH(free_area.free_list)"

/* What the first kernel leaves to the second. */
struct results {
	u64 nr_ram_bytes;	/* that it used */
	long nr_free_lists;	/* as its VMCOREINFO has it */
};

/* ---------------------------------------------------------- the first kernel */

static bool has_splat(void)
{
	static const char *const starts[] = { "WARNING: ", "BUG: ", "Oops: ", "kernel BUG" };
	int nr = 0;

	for (size_t i = 0; i < ARRAY_SIZE(starts); i++)
		nr += kmsg_count_lines(starts[i], "");
	return nr;
}

static void __attribute__((noreturn)) run_first(void)
{
	struct area held = secret_area(SIZE), dropped = secret_area(SIZE);
	struct area ordinary = area_create(AREA_ANON, SIZE);
	struct results results = {
		.nr_ram_bytes = (u64)meminfo_kb("MemTotal") * KIB,
		.nr_free_lists = kcore_vmcoreinfo(KCORE, FREE_LISTS),
	};

	nextkernel_leave(&results, sizeof(results));
	nextkernel_pack_files(0);
	nextkernel_load(APPENDED, KEXEC_FILE_ON_CRASH);
	mark_fill_pages(held.start, NR_PAGES, SEED_HELD);
	mark_fill_pages(dropped.start, NR_PAGES, SEED_DROPPED);
	mark_fill_pages(ordinary.start, NR_PAGES, SEED_ORDINARY);
	area_destroy(&dropped);
	mark_scrub_cpus();
	if (!area_is_absent(&held) || has_splat() || !validator_is_content() ||
	    (kernel_unmaps_blocks() && vmstat_read("nr_free_unmapped_pages") < (long)NR_PAGES / 2))
		die(EXIT_FAILED, "this kernel is not as it should be when it crashes");
	write_file("/proc/sysrq-trigger", "c");
	die(EXIT_FAILED, "it did not crash");
}

/* --------------------------------------------------------- the second kernel */

static u64 count_found(u64 seed, const struct results *before)
{
	struct kcore_search found = kcore_search_marks(VMCORE, seed, NR_MARKS);

	if (found.nr_bytes < before->nr_ram_bytes || found.nr_unreadable)
		die(EXIT_FAILED, VMCORE " does not show all RAM: %lu of %lu bytes, %lu pages refused",
		    found.nr_bytes, before->nr_ram_bytes, found.nr_unreadable);
	return found.nr_marks;
}

static void test_dump(const struct results *before)
{
	u64 nr_dropped = count_found(SEED_DROPPED, before);
	u64 nr_held = count_found(SEED_HELD, before);
	u64 nr_ordinary = count_found(SEED_ORDINARY, before);
	long nr_free_lists = kcore_vmcoreinfo(VMCORE, FREE_LISTS);

	ktap_ok(!nr_dropped, "nothing is left of dropped secrets: %lu words", nr_dropped);
	ktap_ok(nr_held >= NR_MARKS, "held ones are in the dump: %lu of %lu words", nr_held,
		NR_MARKS);
	ktap_ok(nr_ordinary >= NR_MARKS, "ordinary memory as well: %lu words", nr_ordinary);
	ktap_ok(nr_free_lists > 0 && nr_free_lists == before->nr_free_lists,
		"it says that there are %ld free lists, %ld before", nr_free_lists,
		before->nr_free_lists);
}

/* The memory that was kept for it is enough, and unmapped by its own rules. */
static void test_own_secrets(void)
{
	struct area own = secret_area(OWN_BYTES);

	mark_fill_pages(own.start, area_nr_pages(&own), SEED_OWN);
	ktap_ok(area_is_absent(&own) &&
		!mark_count_wrong_pages(own.start, area_nr_pages(&own), SEED_OWN),
		"secrets of this kernel are absent and whole");
	area_destroy(&own);
}

static int run_second(void)
{
	struct results before;
	int status;

	nextkernel_read(&before, sizeof(before));
	ktap_plan(7);
	test_dump(&before);
	test_own_secrets();
	ktap_ok(!has_splat(), "this kernel has nothing to complain about");
	validator_report();
	status = ktap_finish();
	if (!status)
		printf("# the crash is the only one\n");
	return status;
}

int main(void)
{
	if (nextkernel_runs())
		return run_second();
	if (!kfile_exists(LOADED) || !kfile_exists(NEXTKERNEL_IMAGE))
		die(EXIT_CANNOT_RUN, "this kernel has no kdump, or there is no " NEXTKERNEL_IMAGE);
	run_first();
}

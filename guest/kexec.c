// SPDX-License-Identifier: GPL-2.0-only
/*
 * The next kernel, started by kexec out of one that holds secrets and has free
 * unmapped blocks, where it is to lie too: it boots, maps all memory and knows no
 * secrets; what was dropped before is nowhere in RAM; what was held is still there,
 * in memory that is free, unless that kernel was told to clear it (init_on_free=1).
 *
 * One program for both kernels (lib/nextkernel.h). In the first it prints nothing, as
 * the host counts what PID 1 of the second passes on.
 */
#define _GNU_SOURCE
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/reboot.h>
#include <unistd.h>

#include "area.h"
#include "demand.h"
#include "dmap.h"
#include "frames.h"
#include "kcore.h"
#include "kfile.h"
#include "kmsg.h"
#include "kpage.h"
#include "kstat.h"
#include "ktap.h"
#include "mark.h"
#include "nextkernel.h"
#include "options.h"
#include "validator.h"

/* Linux 6.8; Debian 12's headers are older. */
#ifndef KEXEC_FILE_DEBUG
#define KEXEC_FILE_DEBUG	0x8
#endif

#define LOADED		"/sys/kernel/kexec_loaded"
#define CLEARS		"init_on_free=1"

#define STEP_BYTES	(4 * MIB)
#define NR_STEP_MARKS	(STEP_BYTES / sizeof(u64))
#define MAX_STEPS	64
#define SECRET_PERCENT	50	/* of RAM; the next kernel has to be loaded beside */
#define OTHERS_PERCENT	40
#define NEW_PERCENT	70
#define INITRAMFS_BYTES	(48 * MIB)
#define MAX_SEGMENTS	16	/* KEXEC_SEGMENT_MAX */
#define SEED_HELD	1
#define SEED_DROPPED	2
#define SEED_OTHERS	3

static const char usage[] =
	"usage: kexec [--append ARGS]\n"
	"  --append ARGS  more arguments for the next kernel; " CLEARS " is known\n";

/* What the first kernel leaves to the second. */
struct results {
	char boot_id[64];
	u64 nr_held_marks;
	u64 nr_ram_kb;		/* that the direct map spans */
};

/* Physical memory that a part of the next kernel is copied to. */
struct segment {
	u64 start_pfn, end_pfn;
};

static u64 direct_map_kb(void)
{
	struct direct_map map = direct_map_read();

	return (u64)(map.kb_1g + map.kb_2m + map.kb_4k);
}

static size_t percent_of_ram(size_t percent)
{
	return ((size_t)meminfo_kb("MemTotal") * KIB / 100 * percent) & ~(BLOCK_BYTES - 1);
}

static void read_boot_id(char *id, size_t size)
{
	kfile_first_line("/proc/sys/kernel/random/boot_id", id, size);
}

/* ---------------------------------------------------------- the first kernel */

/* Every other secret is held in the end. */
static struct area areas[MAX_STEPS];
static size_t nr_areas;

static bool area_is_held(size_t index)
{
	return !(index % 2);
}

/* Memory is handed out from its beginning: something else takes that meanwhile. */
static void take_secrets(void)
{
	struct area others = area_create(AREA_ANON, percent_of_ram(OTHERS_PERCENT));
	size_t nr = percent_of_ram(SECRET_PERCENT) / STEP_BYTES;

	if (demand_words(&others, SEED_OTHERS) != area_nr_pages(&others))
		die(EXIT_FAILED, "too little memory");

	if (nr > MAX_STEPS)
		die(EXIT_CANNOT_RUN, "too much memory: give this guest 512M");
	for (; nr_areas < nr; nr_areas++) {
		areas[nr_areas] = secret_area(STEP_BYTES);
		mark_fill_pages(areas[nr_areas].start, STEP_BYTES / PAGE_SIZE,
				area_is_held(nr_areas) ? SEED_HELD : SEED_DROPPED);
	}
	area_destroy(&others);
}

static void drop_secrets(void)
{
	for (size_t i = 0; i < nr_areas; i++)
		if (!area_is_held(i))
			area_destroy(&areas[i]);
	mark_scrub_cpus();
}

/*
 * The next kernel goes to the end of RAM, where this one has what it allocated at
 * boot: with a large initramfs it reaches down to where secrets can be.
 */
static void load_next(const char *append)
{
	nextkernel_pack_files(INITRAMFS_BYTES);
	nextkernel_load(append, KEXEC_FILE_DEBUG);
}

/* "segment[0]: ... mem=0x1f000000 memsz=0x2000", as KEXEC_FILE_DEBUG has it said. */
static size_t read_segments(int log, struct segment *segments)
{
	char record[KMSG_BYTES], *at;
	u64 start, size;
	size_t nr = 0;

	while (kmsg_more(log)) {
		kmsg_read(log, record);
		at = strstr(record, "segment[");
		at = at ? strstr(at, " mem=") : NULL;
		if (!at || sscanf(at, " mem=%lx memsz=%lx", &start, &size) != 2)
			continue;
		if (nr == MAX_SEGMENTS)
			die(EXIT_FAILED, "too many segments");
		segments[nr++] = (struct segment) {
			start / PAGE_SIZE, (start + size) / PAGE_SIZE,
		};
	}
	close(log);		/* read only: nothing can be lost */
	if (!nr)
		die(EXIT_FAILED, "the kernel does not say where the next one goes");
	return nr;
}

static u64 count_held_in(const struct segment *segment)
{
	u64 nr = 0;

	for (size_t i = 0; i < nr_areas; i++) {
		struct frames frames;

		if (!area_is_held(i))
			continue;
		frames = frames_of_area(&areas[i]);
		nr += frames_count_in(&frames, segment->start_pfn, segment->end_pfn);
		frames_free(&frames);
	}
	return nr;
}

static u64 count_free_unmapped_in(const struct segment *segment)
{
	u64 nr = 0;

	for (u64 pfn = segment->start_pfn; pfn < segment->end_pfn; pfn++)
		nr += kpage_has_flag(pfn, KPF_UNMAPPED) &&
		      kpage_has_flag(pfn, KPF_BUDDY);
	return nr;
}

/*
 * Blocks that have no translation must be among what is written to. This is said in
 * the log only, and is the end where it is not so: the results are on their way already.
 */
static void check_segments(const struct segment *segments, size_t nr)
{
	u64 nr_pages = 0, nr_held = 0, nr_free = 0;
	char text[128];

	for (size_t i = 0; i < nr; i++) {
		nr_pages += segments[i].end_pfn - segments[i].start_pfn;
		nr_held += count_held_in(&segments[i]);
		if (kernel_unmaps_blocks())
			nr_free += count_free_unmapped_in(&segments[i]);
	}
	snprintf(text, sizeof(text),
		 "kexec: %lu pages, %lu to held secrets, %lu to free unmapped blocks",
		 nr_pages, nr_held, nr_free);
	write_file("/dev/kmsg", text);
	if (!nr_held || (kernel_unmaps_blocks() && !nr_free))
		die(EXIT_FAILED, "%s", text);
}

static void write_results(void)
{
	struct results results = {
		.nr_held_marks = (nr_areas + 1) / 2 * NR_STEP_MARKS,
		.nr_ram_kb = direct_map_kb(),
	};

	read_boot_id(results.boot_id, sizeof(results.boot_id));
	nextkernel_leave(&results, sizeof(results));
}

static void __attribute__((noreturn)) run_first(const char *append)
{
	struct segment segments[MAX_SEGMENTS];
	int log = kmsg_open(true);

	take_secrets();
	write_results();
	load_next(append);
	drop_secrets();
	check_segments(segments, read_segments(log, segments));
	reboot(RB_KEXEC);
	die_errno("kexec");
}

/* --------------------------------------------------------- the second kernel */

static bool is_told_to_clear(void)
{
	char line[4096];

	kfile_first_line("/proc/cmdline", line, sizeof(line));
	return strstr(line, CLEARS);
}

static u64 count_found(u64 seed)
{
	struct kcore_search found = kcore_search_marks(KCORE, seed, NR_STEP_MARKS);

	if (found.nr_bytes < (u64)meminfo_kb("MemTotal") * KIB || found.nr_unreadable)
		die(EXIT_FAILED, "/proc/kcore does not show all RAM");
	return found.nr_marks;
}

static void test_boot(const struct results *before)
{
	u64 nr_ram_kb = direct_map_kb();
	char boot_id[sizeof(before->boot_id)];
	struct dmap map;

	read_boot_id(boot_id, sizeof(boot_id));
	ktap_ok(strcmp(boot_id, before->boot_id), "another kernel has booted");
	ktap_ok(nr_ram_kb == before->nr_ram_kb,
		"it has the same memory: %lu kB, %lu kB before", nr_ram_kb,
		before->nr_ram_kb);
	dmap_load(&map);
	ktap_ok(!dmap_count_absent_ram(&map), "and maps all of it: %lu pages absent",
		dmap_count_absent_ram(&map));
	dmap_free(&map);
	ktap_ok(vmstat_read("unmapped_flip") <= 0 &&
		vmstat_read("nr_free_unmapped_pages") <= 0,
		"it has unmapped nothing yet");
}

static void test_remnants(const struct results *before)
{
	u64 nr_dropped = count_found(SEED_DROPPED), nr_held = count_found(SEED_HELD);

	ktap_ok(!nr_dropped, "nothing is left of dropped secrets: %lu words", nr_dropped);
	if (is_told_to_clear())
		ktap_ok(!nr_held, "nor of held ones, as it clears memory: %lu words",
			nr_held);
	else
		ktap_ok(nr_held > before->nr_held_marks / 2,
			"held ones are still there: %lu of %lu words", nr_held,
			before->nr_held_marks);
}

/*
 * Most of memory in one piece, so that some of it is where secrets were held: a
 * word of each page is written, the rest must be zero.
 */
static void test_use(enum area_kind kind, const char *what)
{
	struct area area = area_create(kind, percent_of_ram(NEW_PERCENT));
	size_t nr_pages = area_nr_pages(&area), nr_nonzero = 0, nr_granted, nr_wrong;

	nr_granted = demand_words(&area, SEED_OTHERS);
	for (size_t i = 0; i < nr_granted; i++)
		nr_nonzero += !page_is_zero_from(area_page(&area, i), 1);
	nr_wrong = demand_count_wrong_words(&area, nr_granted, SEED_OTHERS);
	ktap_ok(nr_granted == nr_pages && !nr_nonzero && !nr_wrong,
		"%s: %zu of %zu pages are granted, %zu were not zero, %zu do not hold",
		what, nr_granted, nr_pages, nr_nonzero, nr_wrong);
	if (kind == AREA_SECRET)
		ktap_ok(area_is_absent(&area), "they are absent");
	area_destroy(&area);
}

static int run_second(void)
{
	struct results before;

	nextkernel_read(&before, sizeof(before));
	ktap_plan(10);
	test_boot(&before);
	test_remnants(&before);
	test_use(AREA_SECRET, "new secrets");
	test_use(AREA_ANON, "ordinary memory");
	validator_report();
	return ktap_finish();
}

static const char *parse_options(int argc, char **argv)
{
	static const struct option table[] = {
		{ "append", required_argument, NULL, 'a' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	const char *append = "";
	int c;

	while ((c = getopt_long(argc, argv, "h", table, NULL)) != -1) {
		switch (c) {
		case 'a':
			append = optarg;
			break;
		default:
			other_option(c, usage);
		}
	}
	return append;
}

int main(int argc, char **argv)
{
	const char *append = parse_options(argc, argv);

	if (nextkernel_runs())
		return run_second();
	if (!kfile_exists(LOADED) || !kfile_exists(NEXTKERNEL_IMAGE))
		die(EXIT_CANNOT_RUN, "this kernel has no kexec, or there is no "
		    NEXTKERNEL_IMAGE);
	run_first(append);
}

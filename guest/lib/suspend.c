// SPDX-License-Identifier: GPL-2.0-only
/*
 * Suspends to a disk, and what must be as before when a guest has been resumed.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/swap.h>
#include <unistd.h>

#include "frames.h"
#include "kfile.h"
#include "kstat.h"
#include "ktap.h"
#include "mark.h"
#include "suspend.h"
#include "validator.h"

#define DROPPED_BYTES	(128 * MIB)
#define BLOCK_ORDER	9
#define NR_ORDERS	11

/* ----------------------------------------------------- output, kept until the end */

static int real_stdout = -1;
static pid_t reporter;

static void release_output(void)
{
	char buf[PAGE_SIZE];
	ssize_t n;

	if (getpid() != reporter)
		return;
	fflush(stdout);
	if (lseek(STDOUT_FILENO, 0, SEEK_SET) < 0)
		_exit(EXIT_CANNOT_RUN);
	while ((n = read(STDOUT_FILENO, buf, sizeof(buf))) > 0)
		if (write(real_stdout, buf, (size_t)n) != n)
			_exit(EXIT_CANNOT_RUN);
}

void suspend_keep_output(void)
{
	int fd = memfd_create("output", MFD_CLOEXEC);

	reporter = getpid();
	real_stdout = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	if (fd < 0 || real_stdout < 0 || dup2(fd, STDOUT_FILENO) < 0 || atexit(release_output))
		die_errno("cannot keep the output");
}

void suspend_say(const char *text)
{
	char line[200];

	snprintf(line, sizeof(line), "hibernate: %s\n", text);
	write_file("/dev/kmsg", line);
}

/* --------------------------------------------------------- the kernel's files */

/* The switch of unmapped memory; "" where there is none. */
static void read_switch(char *text, size_t size)
{
	*text = '\0';
	if (kfile_exists(SWITCH))
		kfile_first_line(SWITCH, text, size);
}

bool unmaps_blocks(void)
{
	char text[8];

	read_switch(text, sizeof(text));
	return !strcmp(text, "1");
}

int suspend_try(void)
{
	int error;

	mark_scrub_cpus();
	suspend_say("begin");
	error = kfile_write(STATE, "disk");
	suspend_say(error ? strerror(error) : "went on");
	return error;
}

const char *suspend_error(int error)
{
	return error ? strerror(error) : "done";
}

bool suspend_offered(void)
{
	char states[100];

	kfile_first_line(STATE, states, sizeof(states));
	return strstr(states, "disk");
}

void suspend_prepare(void)
{
	write_file(MODE, "shutdown");
	if (swapon(DISK, 0))
		die_errno("swapon " DISK);
}

/* The pages of a list, which shows a count for each order, from @min_order on. */
static long count_pages(const char *counts, int min_order)
{
	long nr_pages = 0;

	for (int order = 0; order < NR_ORDERS; order++) {
		char *end;
		long nr = strtol(counts, &end, 10);

		if (end == counts)
			die(EXIT_CANNOT_RUN, "/proc/pagetypeinfo: cannot read a line");
		if (order >= min_order)
			nr_pages += nr << order;
		counts = end;
	}
	return nr_pages;
}

/*
 * Free unmapped pages as the lists hold them: the counter of /proc/vmstat lags
 * behind by what the CPUs have not folded in yet.
 */
static long unmapped_free_read(int min_order)
{
	FILE *file = fopen("/proc/pagetypeinfo", "re");
	long nr_pages = 0;
	char line[400];

	if (!file)
		die_errno("/proc/pagetypeinfo");
	/* The table after the lists counts blocks, in columns of types. */
	while (fgets(line, sizeof(line), file) && !strstr(line, "Number of blocks")) {
		char *type = strstr(line, " u:");

		if (type)
			nr_pages += count_pages(type + 1 + strcspn(type + 1, " "), min_order);
	}
	fclose(file);	/* read only: nothing can be lost */
	return nr_pages;
}

static long free_blocks_read(void)
{
	return unmapped_free_read(BLOCK_ORDER) >> BLOCK_ORDER;
}

/* -------------------------------------------------------------------- secrets */

size_t area_count_nonzero(const struct area *area)
{
	size_t nr = 0;

	for (size_t i = 0; i < area_nr_pages(area); i++)
		nr += !page_is_zero_from(area_page(area, i), 0);
	return nr;
}

size_t area_count_wrong(const struct area *area, u64 seed)
{
	return mark_count_wrong_pages(area->start, area_nr_pages(area), seed);
}

/*
 * The last pages that a CPU took wait in a batch of its own on their way to the
 * LRU lists, and are not free while they do. Who drops them empties the batch of
 * the CPU that it runs on: another one, so that some are left for the kernel.
 */
void secret_take_and_drop(size_t size)
{
	struct area area = secret_area(size);

	pin_to_cpu(0);
	mark_fill_pages(area.start, area_nr_pages(&area), SEED_SECRET);
	pin_to_cpu(nr_cpus_online() - 1);
	area_destroy(&area);
	pin_to_cpu(0);
}

void secret_leave_blocks(void)
{
	long nr_blocks;

	secret_take_and_drop(DROPPED_BYTES);
	nr_blocks = free_blocks_read();
	if (unmaps_blocks() && nr_blocks < (long)(DROPPED_BYTES / BLOCK_BYTES / 2))
		die(EXIT_FAILED, "only %ld free unmapped blocks after %lu MiB of secrets",
		    nr_blocks, DROPPED_BYTES / MIB);
}

void secret_check_new(long nr_flips)
{
	struct area area = secret_area(SECRET_BYTES);
	size_t nr_nonzero = area_count_nonzero(&area), nr_wrong;

	ktap_ok(!nr_nonzero, "a new secret is zero: %zu pages are not", nr_nonzero);
	mark_fill_pages(area.start, area_nr_pages(&area), SEED_SECRET);
	ktap_ok(area_is_absent(&area), "it is absent");
	nr_wrong = area_count_wrong(&area, SEED_SECRET);
	ktap_ok(!nr_wrong, "it holds what was written: %zu pages do not", nr_wrong);
	if (unmaps_blocks())
		ktap_ok(vmstat_read("unmapped_flip") > nr_flips, "blocks were unmapped for it");
	else
		ktap_skip("this kernel unmaps no blocks", "blocks were unmapped for it");
	area_destroy(&area);
}

/* ---------------------------------------------------- the state around a suspend */

struct world world;

static const struct {
	const char *name;
	enum area_kind kind;
	size_t size;
} memory_kinds[] = {
	{ "anonymous memory", AREA_ANON, 16 * MIB },
	{ "huge pages", AREA_ANON_HUGE, 8 * MIB },
	{ "tmpfs", AREA_TMPFS, 8 * MIB },
};

void world_fill(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(memory_kinds); i++) {
		struct area *area = &world.memory[i];

		*area = area_create(memory_kinds[i].kind, memory_kinds[i].size);
		mark_fill_pages(area->start, area_nr_pages(area), SEED_WORLD + i);
	}
}

void world_note(void)
{
	world.nr_flips = vmstat_read("unmapped_flip");
	world.nr_take_backs = vmstat_read("unmapped_take_back");
	world.nr_free_blocks = free_blocks_read();
	world.kb_4k = direct_map_read().kb_4k;
	read_switch(world.switched, sizeof(world.switched));
}

void world_check_memory(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(memory_kinds); i++) {
		size_t nr_wrong = area_count_wrong(&world.memory[i], SEED_WORLD + i);

		ktap_ok(!nr_wrong, "%s is what it was: %zu pages are not",
			memory_kinds[i].name, nr_wrong);
	}
}

void world_check_mapped_back(void)
{
	long nr_taken_back = vmstat_read("unmapped_take_back") - world.nr_take_backs;
	long nr_left = unmapped_free_read(world.blocks_in_use ? BLOCK_ORDER : 0);

	if (!unmaps_blocks()) {
		ktap_skip("this kernel unmaps no blocks", "free blocks went back before the image");
		ktap_skip("this kernel unmaps no blocks", "none was unmapped for it");
		return;
	}
	ktap_ok(!nr_left && nr_taken_back >= world.nr_free_blocks,
		"free blocks went back before the image: %ld of %ld, %ld pages are left",
		nr_taken_back, world.nr_free_blocks, nr_left);
	ktap_ok(vmstat_read("unmapped_flip") == world.nr_flips, "none was unmapped for it");
}

void world_check_resumed(int error)
{
	char text[8];
	long kb_4k = direct_map_read().kb_4k;

	ktap_ok(!error, "suspended and resumed: %s", suspend_error(error));
	world_check_mapped_back();
	read_switch(text, sizeof(text));
	ktap_ok(!strcmp(text, world.switched), "vm.unmapped_alloc is '%s' as before", text);
	ktap_ok(kb_4k == world.kb_4k, "no mapping was split: DirectMap4k %ld kB, was %ld",
		kb_4k, world.kb_4k);
	world_check_memory();
	secret_check_new(world.nr_flips);
	validator_result("the validator finds nothing");
}

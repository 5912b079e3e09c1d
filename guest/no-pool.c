// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory that secrets have left is memory for everybody: on a guest of 1 GiB
 * without swap most of RAM is taken as secrets and dropped, then most of RAM as
 * anonymous memory, twice over. Nobody may be killed, and the memory that was
 * unmapped for secrets must come back to the direct map.
 */
#define _GNU_SOURCE
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "area.h"
#include "kstat.h"
#include "ktap.h"
#include "options.h"

#define NR_TIMES	2
#define PAGES_PER_BLOCK	(BLOCK_BYTES / PAGE_SIZE)
#define FREE_UNMAPPED	"nr_free_unmapped_pages"

static const char usage[] =
	"usage: no-pool [--secret PERCENT] [--anon PERCENT] [--batch BLOCKS]\n"
	"  --secret PERCENT  of RAM taken as secrets (default 60)\n"
	"  --anon PERCENT    of RAM taken as anonymous memory (default 80)\n"
	"  --batch BLOCKS    free unmapped blocks that may be left (default 32)\n";

struct options {
	u64 secret_percent;
	u64 anon_percent;
	long nr_batch_blocks;
};

static long *nr_free_unmapped;		/* shared with the children */

static struct options parse_options(int argc, char **argv)
{
	static const struct option table[] = {
		{ "secret", required_argument, NULL, 's' },
		{ "anon", required_argument, NULL, 'a' },
		{ "batch", required_argument, NULL, 'b' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	struct options opt = { 60, 80, 32 };
	int c;

	while ((c = getopt_long(argc, argv, "h", table, NULL)) != -1) {
		switch (c) {
		case 's':
			opt.secret_percent = parse_number(optarg);
			break;
		case 'a':
			opt.anon_percent = parse_number(optarg);
			break;
		case 'b':
			opt.nr_batch_blocks = (long)parse_number(optarg);
			break;
		default:
			other_option(c, usage);
		}
	}
	return opt;
}

static size_t share_of_ram(u64 percent)
{
	return (u64)meminfo_kb("MemTotal") * KIB / 100 * percent &
	       ~(PAGE_SIZE - 1);
}

/* A child touches all of it, notes what is left unmapped, and ends. */
static bool take(enum area_kind kind, size_t size)
{
	pid_t pid = fork_child();
	int status;

	if (!pid) {
		struct area area = area_create(kind, size);

		for (size_t i = 0; i < area_nr_pages(&area); i++)
			*(volatile u64 *)area_page(&area, i) = i + 1;
		*nr_free_unmapped = vmstat_read(FREE_UNMAPPED);
		area_destroy(&area);
		_exit(0);
	}
	status = wait_child(pid);
	if (!child_passed(status))
		ktap_note("wait status %x", status);
	return child_passed(status);
}

static void report_unmapped(long max_blocks)
{
	long nr_pages = *nr_free_unmapped;

	if (nr_pages == KSTAT_ABSENT)
		ktap_skip("this kernel unmaps no blocks",
			  "free unmapped memory falls back");
	else
		ktap_ok(nr_pages < max_blocks * (long)PAGES_PER_BLOCK,
			"free unmapped memory falls back to %ld pages",
			nr_pages);
}

int main(int argc, char **argv)
{
	struct options opt = parse_options(argc, argv);
	size_t secret_size = share_of_ram(opt.secret_percent);
	size_t anon_size = share_of_ram(opt.anon_percent);
	long nr_kills = vmstat_read("oom_kill");

	ktap_plan(NR_TIMES * 3 + 1);
	nr_free_unmapped = shared_alloc(sizeof(*nr_free_unmapped));
	for (int i = 0; i < NR_TIMES; i++) {
		ktap_ok(take(AREA_SECRET, secret_size),
			"%zu MiB as secrets", secret_size / MIB);
		ktap_note("free unmapped pages now: %ld",
			  vmstat_read(FREE_UNMAPPED));
		ktap_ok(take(AREA_ANON, anon_size),
			"%zu MiB as anonymous memory", anon_size / MIB);
		report_unmapped(opt.nr_batch_blocks);
	}
	ktap_ok(vmstat_read("oom_kill") == nr_kills, "nothing was killed");
	return ktap_finish();
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page cache and secrets.
 *
 *   full  RAM is full of clean page cache, as on a server, and secrets ask for a
 *         share of RAM: they get it, no more is reclaimed than they need, and
 *         it is kswapd that does so, not the faults
 *   set   a set of file pages that fits is read again and again while secrets
 *         grow and shrink: it stays in memory
 */
#define _GNU_SOURCE
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cachefile.h"
#include "demand.h"
#include "kstat.h"
#include "ktap.h"
#include "mark.h"
#include "toll.h"
#include "validator.h"

static const char usage[] =
	"usage: cache-full full|set [--ask PERCENT]\n"
	"  --ask PERCENT  of RAM asked for by secrets (default 30)\n";

#define SET_PERCENT	30	/* of RAM: with secrets beside it, it fits */
#define SET_ROUNDS	6
#define MAX_DIRECT_SHARE 50	/* one in so many pages is reclaimed in a fault */
#define SEED		1

static u64 ask_percent = 30;

/* What the child, which may be killed, saw. */
static struct result {
	size_t nr_asked, nr_granted, nr_wrong;
	struct toll toll;
	bool valid;
} *result;

static size_t share_of_ram(u64 percent)
{
	return (u64)meminfo_kb("MemTotal") * KIB / 100 * percent &
	       ~(PAGE_SIZE - 1);
}

static void take_and_drop(size_t size)
{
	struct area secret = secret_area(size);
	size_t nr_granted = demand_pages(&secret, SEED);

	result->nr_asked += area_nr_pages(&secret);
	result->nr_granted += nr_granted;
	result->nr_wrong += mark_count_wrong_pages(secret.start, nr_granted,
						   SEED);
	area_destroy(&secret);
}

static int demand_full(void)
{
	size_t size = share_of_ram(100);
	int fd = cachefile_create(size);

	cachefile_read(fd, size);
	toll_begin(&result->toll);
	take_and_drop(share_of_ram(ask_percent));
	toll_end(&result->toll);
	result->valid = validator_is_content();
	return EXIT_PASSED;
}

static int demand_set(void)
{
	size_t size = share_of_ram(SET_PERCENT);
	int fd = cachefile_create(size);

	cachefile_read(fd, size);
	toll_begin(&result->toll);
	for (int i = 1; i <= SET_ROUNDS; i++) {
		take_and_drop(share_of_ram(ask_percent) * i / SET_ROUNDS);
		cachefile_read(fd, size);
	}
	toll_end(&result->toll);
	result->valid = validator_is_content();
	return EXIT_PASSED;
}

static void report_granted(bool survived)
{
	ktap_note("asked=%zu", result->nr_asked);
	ktap_note("granted=%zu", result->nr_granted);
	toll_note(&result->toll, "secrets");
	ktap_ok(survived && result->nr_granted == result->nr_asked,
		"%zu pages granted of %zu that secrets asked for",
		result->nr_granted, result->nr_asked);
	ktap_ok(survived && !result->nr_wrong,
		"the secrets hold what was written");
}

static void report_common(bool none_killed)
{
	long nr = toll_of(&result->toll, "unmapped_fallback");

	ktap_ok(!nr, "%ld single pages were unmapped", nr);
	ktap_ok(none_killed, "nothing was killed");
	if (validator_exists())
		ktap_ok(result->valid, "the validator is content");
	else
		ktap_skip("not in this kernel", "the validator is content");
}

static void report_full(void)
{
	long nr_stolen = toll_of(&result->toll, "pgsteal");

	ktap_ok((size_t)nr_stolen * 10 <= result->nr_granted * 11,
		"%ld pages were reclaimed for %zu, %ld waits", nr_stolen,
		result->nr_granted, toll_of(&result->toll, "allocstall"));
}

/* Faults wait for kswapd, and reclaim themselves where it is of no help. */
static void report_direct(void)
{
	long nr_stolen = toll_of(&result->toll, "pgsteal");
	long nr_direct = toll_of(&result->toll, "pgsteal_direct");

	if (vmstat_read("unmapped_kswapd_wait") == KSTAT_ABSENT)
		ktap_skip("this kernel unmaps no blocks", "direct reclaim");
	else
		ktap_ok(nr_direct * MAX_DIRECT_SHARE <= nr_stolen,
			"%ld of the %ld pages were reclaimed in faults",
			nr_direct, nr_stolen);
}

static void report_set(void)
{
	long nr = toll_of(&result->toll, "refault_file");

	ktap_ok((size_t)nr <= share_of_ram(SET_PERCENT) / PAGE_SIZE / 50,
		"%ld file pages came back that had been reclaimed", nr);
}

int main(int argc, char **argv)
{
	static const struct option table[] = {
		{ "ask", required_argument, NULL, 'a' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	long nr_kills = vmstat_read("oom_kill");
	bool survived, full;
	int c;

	while ((c = getopt_long(argc, argv, "h", table, NULL)) != -1) {
		if (c == 'h') {
			fputs(usage, stdout);
			return EXIT_PASSED;
		}
		if (c != 'a') {
			fputs(usage, stderr);
			return EXIT_USAGE;
		}
		ask_percent = parse_number(optarg);
	}
	if (optind != argc - 1 || (strcmp(argv[optind], "full") &&
				   strcmp(argv[optind], "set"))) {
		fputs(usage, stderr);
		return EXIT_USAGE;
	}
	full = !strcmp(argv[optind], "full");
	result = shared_alloc(sizeof(*result));
	ktap_plan(full ? 7 : 6);
	survived = demand_in_child(full ? demand_full : demand_set);
	report_granted(survived);
	if (full) {
		report_full();
		report_direct();
	} else {
		report_set();
	}
	report_common(vmstat_read("oom_kill") == nr_kills);
	return ktap_finish();
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page cache and secrets.
 *
 *   full  RAM is full of clean page cache, as on a server, and secrets ask for a
 *         share of RAM: they get it, no more is reclaimed than they need, and
 *         it is kswapd that does so, not the faults
 *   set   a set of file pages that fits is read again and again while secrets
 *         grow and shrink: it stays in memory
 *   back  secrets were dropped, and their blocks stand free and unmapped beside a
 *         set of file pages: anonymous memory takes those blocks, and not the
 *         file pages
 *
 * Guards against: page cache that is reclaimed for secrets without need, or for
 * others while memory is merely unmapped.
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
#include "options.h"
#include "toll.h"
#include "validator.h"

static const char usage[] =
	"usage: cache-full full|set|back [--ask PERCENT]\n"
	"  --ask PERCENT  of RAM asked for by secrets (default 30)\n";

#define SET_PERCENT	30	/* of RAM: with secrets beside it, it fits */
#define SET_ROUNDS	6
#define ANON_PERCENT	50	/* of RAM: more than is left, less than with the secrets' */
#define MAX_STOLEN	64	/* where nothing has to be reclaimed */
#define MAX_DIRECT_SHARE 50	/* one in so many pages is reclaimed in a fault */
#define SEED		1

static u64 ask_percent = 30;

/* What the child, which may be killed, saw. */
static struct result {
	size_t nr_asked, nr_granted, nr_wrong;
	struct toll toll;
	long nr_unmapped;	/* free pages, mode back */
	bool valid;
} *result;

static size_t share_of_ram(u64 percent)
{
	return (u64)meminfo_kb("MemTotal") * KIB / 100 * percent &
	       ~(PAGE_SIZE - 1);
}

static void take_and_drop(enum area_kind kind, size_t size)
{
	struct area area = area_create(kind, size);
	size_t nr_granted = demand_pages(&area, SEED);

	result->nr_asked += area_nr_pages(&area);
	result->nr_granted += nr_granted;
	result->nr_wrong += mark_count_wrong_pages(area.start, nr_granted, SEED);
	area_destroy(&area);
}

static int demand_full(void)
{
	size_t size = share_of_ram(100);
	int fd = cachefile_create(size);

	cachefile_read(fd, size);
	toll_begin(&result->toll);
	take_and_drop(AREA_SECRET, share_of_ram(ask_percent));
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
		take_and_drop(AREA_SECRET, share_of_ram(ask_percent) * i / SET_ROUNDS);
		cachefile_read(fd, size);
	}
	toll_end(&result->toll);
	result->valid = validator_is_content();
	return EXIT_PASSED;
}

static int demand_back(void)
{
	size_t size = share_of_ram(SET_PERCENT);
	int fd = cachefile_create(size);

	cachefile_read(fd, size);
	take_and_drop(AREA_SECRET, share_of_ram(ask_percent));
	result->nr_unmapped = vmstat_read("nr_free_unmapped_pages");
	toll_begin(&result->toll);
	take_and_drop(AREA_ANON, share_of_ram(ANON_PERCENT));
	cachefile_read(fd, size);
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
		"%zu pages granted of %zu that were asked for",
		result->nr_granted, result->nr_asked);
	ktap_ok(survived && !result->nr_wrong,
		"they hold what was written");
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

static void report_stolen(void)
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

static void report_full(void)
{
	report_stolen();
	report_direct();
}

static void report_set(void)
{
	long nr = toll_of(&result->toll, "refault_file");

	ktap_ok((size_t)nr <= share_of_ram(SET_PERCENT) / PAGE_SIZE / 50,
		"%ld file pages came back that had been reclaimed", nr);
}

/* The blocks of the secrets were free, were needed, and served. */
static void report_back(void)
{
	long nr_stolen = toll_of(&result->toll, "pgsteal");
	long nr_back = toll_of(&result->toll, "unmapped_take_back");

	if (result->nr_unmapped == KSTAT_ABSENT)
		ktap_skip("this kernel unmaps no blocks", "free blocks go back");
	else
		ktap_ok((size_t)result->nr_unmapped * PAGE_SIZE >=
			share_of_ram(ask_percent) / 10 * 9 && nr_back,
			"%ld unmapped pages were free, %ld blocks went back",
			result->nr_unmapped, nr_back);
	ktap_ok(nr_stolen <= MAX_STOLEN, "%ld pages were reclaimed", nr_stolen);
	report_set();
}

static const struct mode {
	const char *name;
	int (*demand)(void);
	void (*report)(void);
	int nr_results;
} modes[] = {
	{ "full", demand_full, report_full, 7 },
	{ "set", demand_set, report_set, 6 },
	{ "back", demand_back, report_back, 8 },
};

static const struct mode *find_mode(const char *name)
{
	for (size_t i = 0; name && i < ARRAY_SIZE(modes); i++)
		if (!strcmp(modes[i].name, name))
			return &modes[i];
	wrong_use(usage);
}

int main(int argc, char **argv)
{
	static const struct option table[] = {
		{ "ask", required_argument, NULL, 'a' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	long nr_kills = vmstat_read("oom_kill");
	const struct mode *mode;
	bool survived;
	int c;

	while ((c = getopt_long(argc, argv, "h", table, NULL)) != -1) {
		if (c != 'a')
			other_option(c, usage);
		ask_percent = parse_number(optarg);
	}
	mode = find_mode(optind == argc - 1 ? argv[optind] : NULL);
	result = shared_alloc(sizeof(*result));
	ktap_plan(mode->nr_results);
	survived = demand_in_child(mode->demand);
	report_granted(survived);
	mode->report();
	report_common(vmstat_read("oom_kill") == nr_kills);
	return ktap_finish();
}

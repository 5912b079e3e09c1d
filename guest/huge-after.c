// SPDX-License-Identifier: GPL-2.0-only
/*
 * Huge pages after secrets: when secrets have come and gone, anonymous memory
 * finds as many huge pages as on a fresh system, and as many again. Faults that may
 * reclaim for one do, and those that take one where it is to be had: by default, that
 * is with madvise(MADV_HUGEPAGE) and without.
 */
#define _GNU_SOURCE
#include <stdio.h>

#include "demand.h"
#include "filling.h"
#include "kstat.h"
#include "ktap.h"
#include "toll.h"
#include "validator.h"

#define SECRET_PERCENT	60
#define HUGE_PERCENT	60
#define FILLED_PERCENT	15
#define PIECES_PERCENT	50	/* less than secrets had */
#define NR_TIMES	2
#define SEED_KEPT	2
#define SETTINGS	"/sys/kernel/mm/transparent_hugepage/"

static const struct way {
	const char *name, *defrag;	/* word of the setting for madvised memory */
} ways[] = {
	{ "", "madvise" },
	{ "_light", "never" },
};

/* What the child, which may be killed, saw. */
static struct result {
	long nr, nr_none;
	struct toll toll;
} *result;

static size_t share_of_ram(u64 percent)
{
	return (u64)meminfo_kb("MemTotal") * KIB / 100 * percent &
	       ~(BLOCK_BYTES - 1);
}

static long huge_pages(const struct way *way, u64 percent, struct toll *toll)
{
	struct area area = area_create(AREA_ANON_HUGE, share_of_ram(percent));

	write_file(SETTINGS "defrag", way->defrag);
	toll_begin(toll);
	for (size_t i = 0; i < area_nr_pages(&area); i++)
		*(volatile u64 *)area_page(&area, i) = 1;
	toll_end(toll);
	area_destroy(&area);
	return toll_of(toll, "thp_fault_alloc");
}

static void come_and_go(void)
{
	struct area secret = secret_area(share_of_ram(SECRET_PERCENT));
	size_t nr_granted = demand_pages(&secret, 1);

	ktap_ok(nr_granted == area_nr_pages(&secret), "%zu secret pages of %zu",
		nr_granted, area_nr_pages(&secret));
	area_destroy(&secret);
}

static void check_again(const struct way *way, long nr_fresh)
{
	struct toll toll;
	long nr;

	come_and_go();
	nr = huge_pages(way, HUGE_PERCENT, &toll);
	ktap_note("after%s=%ld", way->name, nr);
	toll_note(&toll, "huge");
	ktap_ok(nr * 100 >= nr_fresh * 98, "after secrets, defrag=%s: %ld", way->defrag, nr);
}

/*
 * Much of what else is free is in pieces: so no watermark tells that a huge page is
 * only to be had where the secrets were.
 */
static int in_pieces(void)
{
	const struct way *light = &ways[ARRAY_SIZE(ways) - 1];
	struct filling filling;
	struct area secret;

	secret = secret_area(share_of_ram(SECRET_PERCENT));
	demand_pages(&secret, 1);
	filling_take_pages(&filling, share_of_ram(FILLED_PERCENT) / PAGE_SIZE, SEED_KEPT);
	filling_thin_out(&filling, 1);
	area_destroy(&secret);
	result->nr = huge_pages(light, PIECES_PERCENT, &result->toll);
	result->nr_none = toll_of(&result->toll, "thp_fault_fallback");
	return EXIT_PASSED;
}

/* What is kept of the blocks goes with the child. */
static void check_in_pieces(void)
{
	bool survived;

	result = shared_alloc(sizeof(*result));
	survived = demand_in_child(in_pieces);
	ktap_note("pieces_light=%ld", result->nr);
	toll_note(&result->toll, "pieces");
	ktap_ok(survived && result->nr > 0 && !result->nr_none,
		"beside pieces: %ld, and %ld times none", result->nr, result->nr_none);
}

int main(void)
{
	long nr_kills = vmstat_read("oom_kill"), nr_fresh[ARRAY_SIZE(ways)];
	struct toll toll;

	/* The kernel's default depends on how much memory there is. */
	write_file(SETTINGS "enabled", "always");
	ktap_plan((1 + 2 * NR_TIMES) * ARRAY_SIZE(ways) + 3);
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		nr_fresh[i] = huge_pages(&ways[i], HUGE_PERCENT, &toll);
		ktap_note("fresh%s=%ld", ways[i].name, nr_fresh[i]);
		ktap_ok(nr_fresh[i] > 0 && !toll_of(&toll, "thp_fault_fallback"),
			"fresh, defrag=%s: %ld huge pages", ways[i].defrag, nr_fresh[i]);
	}
	check_in_pieces();
	for (size_t i = 0; i < NR_TIMES * ARRAY_SIZE(ways); i++)
		check_again(&ways[i % ARRAY_SIZE(ways)], nr_fresh[i % ARRAY_SIZE(ways)]);
	ktap_ok(vmstat_read("oom_kill") == nr_kills, "nothing was killed");
	validator_report();
	return ktap_finish();
}

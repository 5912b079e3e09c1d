// SPDX-License-Identifier: GPL-2.0-only
/*
 * Huge pages after secrets: when secrets have come and gone, anonymous memory
 * finds as many huge pages as on a fresh system, and as many again.
 */
#define _GNU_SOURCE
#include <stdio.h>

#include "demand.h"
#include "kstat.h"
#include "ktap.h"
#include "toll.h"
#include "validator.h"

#define SECRET_PERCENT	60
#define HUGE_PERCENT	60
#define NR_TIMES	2

static size_t share_of_ram(u64 percent)
{
	return (u64)meminfo_kb("MemTotal") * KIB / 100 * percent &
	       ~(BLOCK_BYTES - 1);
}

static long huge_pages(struct toll *toll)
{
	struct area area = area_create(AREA_ANON_HUGE, share_of_ram(HUGE_PERCENT));

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

int main(void)
{
	long nr_kills = vmstat_read("oom_kill"), nr_fresh, nr;
	struct toll toll;

	/* The kernel's default depends on how much memory there is. */
	write_file("/sys/kernel/mm/transparent_hugepage/enabled", "always");
	ktap_plan(3 + 2 * NR_TIMES);
	nr_fresh = huge_pages(&toll);
	ktap_note("fresh=%ld", nr_fresh);
	ktap_ok(nr_fresh > 0 && !toll_of(&toll, "thp_fault_fallback"),
		"fresh: %ld huge pages", nr_fresh);
	for (int i = 0; i < NR_TIMES; i++) {
		come_and_go();
		nr = huge_pages(&toll);
		ktap_note("after=%ld", nr);
		toll_note(&toll, "huge");
		ktap_ok(nr * 100 >= nr_fresh * 98, "after secrets: %ld", nr);
	}
	ktap_ok(vmstat_read("oom_kill") == nr_kills, "nothing was killed");
	validator_report();
	return ktap_finish();
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Each page of secret memory reads as zero when it is handed out, whoever
 * dirtied it before and in whatever order it came back: regions of random
 * sizes are filled with marks and dropped in random order, over and over.
 */
#define _GNU_SOURCE
#include <stdlib.h>

#include "area.h"
#include "ktap.h"
#include "mark.h"

#define NR_AREAS	16
#define NR_ROUNDS	120

/* Fill the area with marks; return how many pages were not zero before. */
static size_t check_and_dirty(struct area *area, u64 seed)
{
	size_t nr_dirty = 0;

	for (size_t i = 0; i < area_nr_pages(area); i++)
		nr_dirty += !page_is_zero_from(area_page(area, i), 0);
	mark_fill_pages(area->start, area_nr_pages(area), seed);
	return nr_dirty;
}

static size_t take_and_drop(enum area_kind kind, size_t size, int nr_rounds)
{
	size_t nr_dirty = 0;

	for (int i = 0; i < nr_rounds; i++) {
		struct area area = area_create(kind, size);

		nr_dirty += check_and_dirty(&area, (u64)i);
		area_destroy(&area);
	}
	return nr_dirty;
}

/* From one page to 4 MiB, so that pages come back in all orders. */
static size_t random_size(u64 *state)
{
	size_t max_pages = 1UL << (next_random(state) % 11);

	return (1 + next_random(state) % max_pages) * PAGE_SIZE;
}

static size_t take_and_drop_mixed(u64 seed)
{
	struct area areas[NR_AREAS] = { };
	size_t nr_dirty = 0;

	for (int i = 0; i < NR_ROUNDS; i++) {
		struct area *area = &areas[next_random(&seed) % NR_AREAS];

		if (area->size)
			area_destroy(area);
		*area = secret_area(random_size(&seed));
		nr_dirty += check_and_dirty(area, (u64)i);
	}
	for (int i = 0; i < NR_AREAS; i++)
		if (areas[i].size)
			area_destroy(&areas[i]);
	return nr_dirty;
}

/* What the secrets left must not reach ordinary memory either. */
static size_t anon_after_secrets(void)
{
	take_and_drop(AREA_SECRET, 64 * MIB, 1);
	return take_and_drop(AREA_ANON, 64 * MIB, 1);
}

static size_t secrets_after_anon(void)
{
	take_and_drop(AREA_ANON, 64 * MIB, 1);
	return take_and_drop(AREA_SECRET, 64 * MIB, 1);
}

int main(void)
{
	ktap_plan(6);
	ktap_ok(!take_and_drop(AREA_SECRET, 64 * MIB, 3),
		"64 MiB three times over");
	ktap_ok(!take_and_drop(AREA_SECRET, PAGE_SIZE, 500),
		"one page 500 times over");
	ktap_ok(!take_and_drop_mixed(1), "mixed sizes and orders, seed 1");
	ktap_ok(!take_and_drop_mixed(2), "mixed sizes and orders, seed 2");
	ktap_ok(!secrets_after_anon(), "secrets after ordinary memory");
	ktap_ok(!anon_after_secrets(), "ordinary memory after secrets");
	return ktap_finish();
}

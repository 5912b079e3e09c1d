// SPDX-License-Identifier: GPL-2.0-only
/*
 * Secrets that grow and are dropped, over and over.
 */
#include "demand.h"
#include "mark.h"
#include "secretload.h"

static struct area take(size_t size, u64 seed)
{
	struct area area = secret_area(size);

	mark_fill_pages(area.start, area_nr_pages(&area), seed);
	return area;
}

void secretload_sparse(struct area *kept, size_t nr, u64 seed)
{
	struct area dropped[nr];

	for (size_t i = 0; i < nr; i++) {
		kept[i] = take(PAGE_SIZE, seed);
		dropped[i] = take(BLOCK_BYTES - PAGE_SIZE, seed);
	}
	for (size_t i = 0; i < nr; i++)
		area_destroy(&dropped[i]);
}

void secretload_round(struct secretload *load, size_t size, u64 seed)
{
	struct area secret = secret_area(size);
	size_t nr = demand_words(&secret, seed);

	load->nr_granted += nr;
	load->nr_refused += area_nr_pages(&secret) - nr;
	load->nr_wrong += demand_count_wrong_words(&secret, nr, seed);
	area_destroy(&secret);
}

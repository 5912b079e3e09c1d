// SPDX-License-Identifier: GPL-2.0-only
/*
 * Secrets that grow and are dropped, over and over.
 */
#include "demand.h"
#include "secretload.h"

void secretload_round(struct secretload *load, size_t size, u64 seed)
{
	struct area secret = secret_area(size);
	size_t nr = demand_words(&secret, seed);

	load->nr_granted += nr;
	load->nr_refused += area_nr_pages(&secret) - nr;
	load->nr_wrong += demand_count_wrong_words(&secret, nr, seed);
	area_destroy(&secret);
}

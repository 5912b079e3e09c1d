// SPDX-License-Identifier: GPL-2.0-only
/*
 * A hoard: areas of one kind, taken one after the other.
 */
#include "dmap.h"
#include "frames.h"
#include "hoard.h"
#include "kstat.h"
#include "ktap.h"
#include "mark.h"

void hoard_take(struct hoard *hoard, size_t size)
{
	struct area *area = &hoard->areas[hoard->nr];

	if (hoard->nr == HOARD_AREAS)
		die(EXIT_FAILED, "more than %d areas", HOARD_AREAS);
	*area = area_create(hoard->kind, size);
	mark_fill_pages(area->start, area_nr_pages(area),
			hoard->seed + hoard->nr);
	hoard->nr++;
}

size_t hoard_nr_bytes(const struct hoard *hoard)
{
	size_t sum = 0;

	for (size_t i = 0; i < hoard->nr; i++)
		sum += hoard->areas[i].size;
	return sum;
}

static bool may_take(const struct hoard *hoard, size_t step,
		     unsigned int percent)
{
	u64 max_bytes = (u64)meminfo_kb("MemTotal") * KIB / 100 * percent;

	return hoard->nr < HOARD_AREAS &&
	       hoard_nr_bytes(hoard) + step <= max_bytes;
}

void hoard_take_share(struct hoard *hoard, size_t step, unsigned int percent)
{
	while (may_take(hoard, step, percent))
		hoard_take(hoard, step);
}

static size_t count_area_in(const struct area *area, u64 start_pfn, u64 end_pfn)
{
	struct frames frames = frames_of_area(area);
	size_t nr = frames_count_in(&frames, start_pfn, end_pfn);

	frames_free(&frames);
	return nr;
}

size_t hoard_take_until_in(struct hoard *hoard, size_t step,
			   unsigned int percent, size_t nr_wanted,
			   u64 start_pfn, u64 end_pfn)
{
	size_t nr = 0;

	while (nr < nr_wanted && may_take(hoard, step, percent)) {
		hoard_take(hoard, step);
		nr += count_area_in(&hoard->areas[hoard->nr - 1], start_pfn,
				    end_pfn);
	}
	ktap_note("%zu MiB taken, %zu of the frames are where they are wanted",
		  hoard_nr_bytes(hoard) / MIB, nr);
	return nr;
}

/* What is dropped stays in the list, with a size of 0. */
void hoard_drop_one(struct hoard *hoard, size_t index)
{
	area_destroy(&hoard->areas[index]);
	hoard->areas[index].size = 0;
}

void hoard_drop(struct hoard *hoard)
{
	for (size_t i = 0; i < hoard->nr; i++)
		if (hoard->areas[i].size)
			hoard_drop_one(hoard, i);
	hoard->nr = 0;
}

size_t hoard_count_in(const struct hoard *hoard, u64 start_pfn, u64 end_pfn)
{
	size_t nr = 0;

	for (size_t i = 0; i < hoard->nr; i++)
		if (hoard->areas[i].size)
			nr += count_area_in(&hoard->areas[i], start_pfn,
					    end_pfn);
	return nr;
}

size_t hoard_count_present(const struct hoard *hoard)
{
	struct dmap map;
	size_t nr = 0;

	dmap_load(&map);
	for (size_t i = 0; i < hoard->nr; i++) {
		struct frames frames;

		if (!hoard->areas[i].size)
			continue;
		frames = frames_of_area(&hoard->areas[i]);
		nr += dmap_count_present(&map, frames.pfns, frames.nr);
		frames_free(&frames);
	}
	dmap_free(&map);
	return nr;
}

bool hoard_holds(const struct hoard *hoard)
{
	size_t nr_wrong = 0;

	for (size_t i = 0; i < hoard->nr; i++)
		nr_wrong += mark_count_wrong_pages(hoard->areas[i].start,
						   area_nr_pages(&hoard->areas[i]),
						   hoard->seed + i);
	if (nr_wrong)
		ktap_note("%zu pages do not hold their marks", nr_wrong);
	return !nr_wrong;
}

bool hoard_is_whole_and_absent(const struct hoard *hoard)
{
	size_t nr_present = hoard_count_present(hoard);

	if (nr_present)
		ktap_note("%zu pages are present", nr_present);
	return hoard_holds(hoard) && !nr_present;
}

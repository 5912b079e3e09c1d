/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A hoard: areas of one kind, taken one after the other and filled with marks,
 * of which it is asked where they lie and whether they are whole.
 */
#ifndef GUEST_LIB_HOARD_H
#define GUEST_LIB_HOARD_H

#include "area.h"

#define HOARD_AREAS	256

struct hoard {
	enum area_kind kind;
	u64 seed;		/* of the first area's marks; the next has one more */
	struct area areas[HOARD_AREAS];
	size_t nr;
};

/* Take one more area. */
void hoard_take(struct hoard *hoard, size_t size);
/* Take areas of @step bytes until they are @percent of RAM. */
void hoard_take_share(struct hoard *hoard, size_t step, unsigned int percent);
/*
 * Take areas of @step bytes until @nr_wanted of their frames lie in
 * [start_pfn, end_pfn), or they are @percent of RAM. How many do lie there?
 */
size_t hoard_take_until_in(struct hoard *hoard, size_t step,
			   unsigned int percent, size_t nr_wanted,
			   u64 start_pfn, u64 end_pfn);

/* Drop one, or all of them. */
void hoard_drop_one(struct hoard *hoard, size_t index);
void hoard_drop(struct hoard *hoard);

size_t hoard_nr_bytes(const struct hoard *hoard);
/* How many frames lie in [start_pfn, end_pfn) now? */
size_t hoard_count_in(const struct hoard *hoard, u64 start_pfn, u64 end_pfn);
/* How many frames have a present translation now? */
size_t hoard_count_present(const struct hoard *hoard);

/* Does every page hold its marks? */
bool hoard_holds(const struct hoard *hoard);
/* The same, and none of them is present: what a secret must be. */
bool hoard_is_whole_and_absent(const struct hoard *hoard);

#endif

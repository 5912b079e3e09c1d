/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A piece of memory of one of the kinds that are compared: memfd_secret,
 * tmpfs (memfd_create) and anonymous memory with small or huge pages. Memory
 * is mapped, not touched.
 */
#ifndef GUEST_LIB_AREA_H
#define GUEST_LIB_AREA_H

#include "util.h"

enum area_kind {
	AREA_SECRET,
	AREA_TMPFS,
	AREA_ANON,
	AREA_ANON_HUGE,
};

struct area {
	void *start;
	size_t size;
	int fd;			/* -1: anonymous */
	void *reserved;		/* what is unmapped: wider for huge pages */
	size_t nr_reserved_bytes;
};

/* memfd_secret(2); EXIT_CANNOT_RUN where the kernel has none. */
int secret_create(unsigned int flags);
/* The same with a size, without a mapping. */
int secret_create_sized(size_t size);

/* Die if the kernel refuses. */
struct area area_create(enum area_kind kind, size_t size);
struct area secret_area(size_t size);
void area_destroy(struct area *area);

static inline size_t area_nr_pages(const struct area *area)
{
	return area->size / PAGE_SIZE;
}

static inline u64 *area_page(const struct area *area, size_t index)
{
	return (u64 *)((char *)area->start + index * PAGE_SIZE);
}

/* Is every word of the page zero, from @first on? */
bool page_is_zero_from(const u64 *page, size_t first);

#endif

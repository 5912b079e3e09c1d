// SPDX-License-Identifier: GPL-2.0-only
/*
 * A piece of memory of one of the kinds that are compared.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "area.h"

#ifndef __NR_memfd_secret
#define __NR_memfd_secret 447
#endif

int secret_create(unsigned int flags)
{
	int fd = (int)syscall(__NR_memfd_secret, flags);

	if (fd < 0 && errno == ENOSYS)
		die(EXIT_CANNOT_RUN, "this kernel has no memfd_secret");
	if (fd < 0)
		die_errno("memfd_secret");
	return fd;
}

int secret_create_sized(size_t size)
{
	int fd = secret_create(0);

	if (ftruncate(fd, (off_t)size))
		die_errno("ftruncate to %zu", size);
	return fd;
}

static int create_file(enum area_kind kind, size_t size)
{
	int fd;

	if (kind == AREA_SECRET)
		return secret_create_sized(size);
	if (kind != AREA_TMPFS)
		return -1;
	fd = memfd_create("area", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, (off_t)size))
		die_errno("memfd_create of %zu bytes", size);
	return fd;
}

/* Huge pages need an aligned start: reserve one more and use the middle. */
static void align_to_huge_page(struct area *area)
{
	uintptr_t start = (uintptr_t)area->reserved;

	start = (start + BLOCK_BYTES - 1) & ~(BLOCK_BYTES - 1);
	area->start = (void *)start;
	if (madvise(area->start, area->size, MADV_HUGEPAGE))
		die_errno("madvise(MADV_HUGEPAGE)");
}

struct area area_create(enum area_kind kind, size_t size)
{
	bool huge = kind == AREA_ANON_HUGE;
	struct area area = {
		.size = size,
		.fd = create_file(kind, size),
		.nr_reserved_bytes = size + (huge ? BLOCK_BYTES : 0),
	};
	int flags = area.fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED;

	area.reserved = mmap(NULL, area.nr_reserved_bytes,
			     PROT_READ | PROT_WRITE, flags, area.fd, 0);
	if (area.reserved == MAP_FAILED)
		die_errno("mmap of %zu bytes", area.nr_reserved_bytes);
	area.start = area.reserved;
	if (huge)
		align_to_huge_page(&area);
	else if (kind == AREA_ANON)
		/* Fails only where the kernel has no huge pages to refuse. */
		madvise(area.start, size, MADV_NOHUGEPAGE);
	return area;
}

struct area secret_area(size_t size)
{
	return area_create(AREA_SECRET, size);
}

void area_destroy(struct area *area)
{
	if (munmap(area->reserved, area->nr_reserved_bytes))
		die_errno("munmap");
	if (area->fd >= 0 && close(area->fd))
		die_errno("close");
}

bool page_is_zero_from(const u64 *page, size_t first)
{
	u64 sum = 0;

	for (size_t i = first; i < WORDS_PER_PAGE; i++)
		sum |= page[i];
	return !sum;
}

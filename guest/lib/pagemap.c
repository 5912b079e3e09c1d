// SPDX-License-Identifier: GPL-2.0-only
/*
 * From virtual addresses of this process to page frames.
 */
#include <fcntl.h>
#include <unistd.h>

#include "pagemap.h"

#define ENTRY_PRESENT	(1ULL << 63)
#define ENTRY_PFN	((1ULL << 55) - 1)

void pagemap_read(const void *start, size_t nr_pages, u64 *pfns)
{
	size_t nr_bytes = nr_pages * sizeof(u64);
	off_t offset = (off_t)((uintptr_t)start / PAGE_SIZE * sizeof(u64));
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		die_errno("/proc/self/pagemap");
	for (size_t done = 0; done < nr_bytes;) {
		ssize_t n = pread(fd, (char *)pfns + done, nr_bytes - done,
				  offset + (off_t)done);

		if (n <= 0)
			die_errno("/proc/self/pagemap ends early");
		done += (size_t)n;
	}
	close(fd);	/* read only: nothing can be lost */

	for (size_t i = 0; i < nr_pages; i++) {
		if (!(pfns[i] & ENTRY_PRESENT)) {
			pfns[i] = PFN_NONE;
			continue;
		}
		pfns[i] &= ENTRY_PFN;
		if (!pfns[i])
			die(EXIT_CANNOT_RUN, "page frames are hidden from us");
	}
}

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory as a kernel shows it in a file that is an ELF core. KCORE is what it can
 * read of its own: the direct map, the kernel image, struct pages, vmalloc areas.
 * What has no translation there reads as zero. VMCORE is the memory of the kernel
 * that crashed before this one, which is read by physical address.
 */
#ifndef GUEST_LIB_KCORE_H
#define GUEST_LIB_KCORE_H

#include "util.h"

#define KCORE	"/proc/kcore"
#define VMCORE	"/proc/vmcore"

struct kcore_segment {
	u64 vaddr, size;
	u64 offset;		/* in the file */
	bool is_ram;		/* of the direct map */
	bool is_sparse;		/* much more address space than memory */
};

struct kcore {
	const char *path;
	int fd;
	struct kcore_segment *segments;
	size_t nr_segments;
	u64 notes_offset, notes_size;
};

void kcore_open(struct kcore *kcore, const char *path);
void kcore_close(struct kcore *kcore);

/* What a search saw. */
struct kcore_search {
	u64 nr_bytes;		/* that were read */
	u64 nr_marks;		/* words that are marks */
	u64 nr_unreadable;	/* pages that gave an error instead of zeroes */
};

/*
 * Look everywhere for the first @nr_marks marks of @seed (lib/mark.h). Of
 * sparse segments only the areas of /proc/vmallocinfo are read.
 */
struct kcore_search kcore_search_marks(const char *path, u64 seed, u64 nr_marks);

/*
 * The number behind "@key=" in VMCOREINFO, the note that tools for crash dumps
 * go by; -1 where there is none.
 */
long kcore_vmcoreinfo(const char *path, const char *key);

#endif

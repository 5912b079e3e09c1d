/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Physical memory as the kernel reads it through its direct map: /proc/kcore.
 * What has no translation there reads as zero.
 */
#ifndef UNMAPPED_KCORE_H
#define UNMAPPED_KCORE_H

#include "util.h"

struct kcore_segment {		/* physical, [start, end) */
	u64 start, end;
	u64 offset;		/* of start in the file */
};

struct kcore {
	int fd;
	struct kcore_segment *segments;
	size_t nr;
};

/* False where it cannot be read; *@why says why. */
bool kcore_open(struct kcore *kcore, const char **why);
void kcore_close(struct kcore *kcore);

/* The word at physical address @phys; false where there is none. */
bool kcore_word(const struct kcore *kcore, u64 phys, u64 *word);

#endif

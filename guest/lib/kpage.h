/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the kernel says about single page frames: /proc/kpageflags and its
 * like, an array of words with one for each frame.
 */
#ifndef GUEST_LIB_KPAGE_H
#define GUEST_LIB_KPAGE_H

#include <linux/kernel-page-flags.h>

#include "util.h"

/*
 * Pages that the page allocator does not have, and pages of unmapped blocks. Of the
 * flags that the kernel promises nothing of, and so in no header that programs get.
 */
#ifndef KPF_RESERVED
#define KPF_RESERVED	32
#endif
#ifndef KPF_UNMAPPED
#define KPF_UNMAPPED	43
#endif

/* The word of frame @pfn in @path; dies where the file ends before it. */
u64 kpage_word(const char *path, u64 pfn);

/* Is flag @kpf set? They are KPF_* of linux/kernel-page-flags.h. */
static inline bool kpage_has_flag(u64 pfn, int kpf)
{
	return kpage_word("/proc/kpageflags", pfn) >> kpf & 1;
}

/* How often is the frame mapped by user page tables? */
static inline u64 kpage_count(u64 pfn)
{
	return kpage_word("/proc/kpagecount", pfn);
}

#endif

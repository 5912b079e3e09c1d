/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The counters that the kernel shows in /proc, and how much they moved.
 */
#ifndef GUEST_LIB_KSTAT_H
#define GUEST_LIB_KSTAT_H

#include "util.h"

#define KSTAT_ABSENT	(-1L)

/* A line of /proc/meminfo in kB, without the colon; 0 where there is none. */
long meminfo_kb(const char *name);
/* A line of /proc/vmstat; KSTAT_ABSENT where this kernel has none. */
long vmstat_read(const char *name);

/*
 * What the tags of allocations made in files that end in @name ("/mm/secretmem.c") say
 * is held, in bytes; KSTAT_ABSENT where this kernel tags none.
 */
long allocinfo_bytes(const char *name);

/*
 * Free pages, with those that wait in per-CPU lists: MemFree leaves these out,
 * and after a burst of frees they are tens of MiB. Unmapped ones are included.
 */
long free_pages_read(void);

/* What DirectMap1G, DirectMap2M and DirectMap4k of /proc/meminfo say, in kB. */
struct direct_map {
	long kb_1g, kb_2m, kb_4k;
};

struct direct_map direct_map_read(void);

/*
 * Function calls sent to other CPUs and not for a user address space: the
 * broadcasts that flush kernel translations, as long as nothing else asks the
 * other CPUs for anything. One broadcast reaches each other CPU once.
 */
long kernel_ipis_read(void);

#endif

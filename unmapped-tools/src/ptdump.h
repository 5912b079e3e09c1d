/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The direct map as the kernel's dump of its page tables shows it (debugfs,
 * CONFIG_PTDUMP_DEBUGFS).
 *
 * The dump is lines "0xSTART-0xEND SIZE [FLAG...] LEVEL" between markers of the
 * parts of the address space. An entry that is present shows RW or ro; one that
 * is not shows no flag.
 */
#ifndef UNMAPPED_PTDUMP_H
#define UNMAPPED_PTDUMP_H

#include "util.h"

enum pt_level { LEVEL_PTE, LEVEL_PMD, LEVEL_PUD, LEVEL_ABOVE };

struct pt_range {		/* physical, [start, end) */
	u64 start, end;
	enum pt_level level;
	bool present;
};

struct ptdump {
	u64 base;		/* address at which the direct map has physical 0 */
	struct pt_range *ranges;	/* by address */
	size_t nr;
};

/* False where it cannot be read; *@why says why. */
bool ptdump_read(struct ptdump *dump, const char **why);
void ptdump_free(struct ptdump *dump);

/* The range with physical address @phys, or the first one behind it; NULL if none. */
const struct pt_range *ptdump_find(const struct ptdump *dump, u64 phys);

#endif

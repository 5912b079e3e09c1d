/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The model: all that the kernel shows at one moment, and what it does not.
 */
#ifndef UNMAPPED_SNAPSHOT_H
#define UNMAPPED_SNAPSHOT_H

#include <time.h>

#include "counters.h"
#include "holders.h"
#include "memory.h"

struct setting {
	char name[48];		/* below vm., or secretmem_enable */
	char value[32];
};

struct snapshot {
	time_t when;		/* of the day */
	u64 when_ns;		/* for rates */
	char kernel[64];
	bool has_unmapped;	/* the kernel can keep unmapped blocks */
	struct meminfo memory;
	struct zones zones;
	struct counters counters;
	struct holders holders;
	struct setting *settings;
	size_t nr_settings;
	char (*missing)[160];	/* what cannot be seen, and why: a line each */
	size_t nr_missing;
};

/* Dies where not even /proc/meminfo is there. */
void snapshot_take(struct snapshot *snapshot);
void snapshot_free(struct snapshot *snapshot);

/* kB that secrets take, by the kernel's account or else by what the holders show. */
struct amount snapshot_secret_kb(const struct snapshot *snapshot);

/* kB that stand free and unmapped. */
struct amount snapshot_free_unmapped_kb(const struct snapshot *snapshot);

/* Growth of counter @now a second since @before; unknown without that. */
struct rate {
	bool known;
	double value;
} snapshot_rate(const struct snapshot *snapshot, const struct snapshot *before,
		const struct counter *now);

#endif

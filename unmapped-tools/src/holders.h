/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who holds secret memory: processes that map it or have a file of it open, as
 * /proc/PID shows them. Root sees all; others see their own and a count of what
 * they may not look into.
 *
 * A secret that several processes share is counted for each of them.
 */
#ifndef UNMAPPED_HOLDERS_H
#define UNMAPPED_HOLDERS_H

#include "util.h"

struct holder {
	u64 pid;
	struct amount user;	/* uid */
	char name[32];
	struct amount resident;	/* kB that are really there */
	u64 mapped;		/* kB of address space */
	u64 nr_files;		/* open descriptors */
};

enum holder_order { ORDER_RESIDENT, ORDER_MAPPED, ORDER_FILES, ORDER_PID, ORDER_NAME, NR_ORDERS };

/* Their names, as -s takes them; the first letter is the key. */
extern const char * const holder_order_names[NR_ORDERS];

struct holders {
	struct holder *list;
	size_t nr;
	u64 nr_hidden;		/* processes that we may not look into */
	u64 nr_seen;
};

/* False with errno where there is no /proc. */
bool holders_read(struct holders *holders);
void holders_free(struct holders *holders);
void holders_sort(struct holders *holders, enum holder_order order);

#endif

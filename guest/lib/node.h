/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * NUMA nodes: where memory comes from, where pages are, and what a node counts.
 */
#ifndef GUEST_LIB_NODE_H
#define GUEST_LIB_NODE_H

#include <linux/mempolicy.h>

#include "area.h"

/* Of this task, for what it allocates; an empty mask for MPOL_DEFAULT. */
void node_set_policy(int mode, unsigned long mask);

/*
 * Ask for all pages to be moved to @node; -1: only ask where they are. Returns as
 * move_pages(2) does, and fills @status.
 */
long node_move(const struct area *area, int node, int *status);

/* How many of its pages are on @node? */
size_t node_count(const struct area *area, int node);
/* Are all? If not, a note says how many are. */
bool node_holds(const struct area *area, int node);

/* A line of the node's vmstat; KSTAT_ABSENT where this kernel has none. */
long node_vmstat(int node, const char *name);

/* Unmap blocks of @node for a secret of this size that is dropped at once. */
void node_leave_blocks(int node, size_t size);

#endif

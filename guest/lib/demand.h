/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory is asked for, and it is counted how much of it the kernel grants: a
 * refusal is a result, not the end of the program.
 */
#ifndef GUEST_LIB_DEMAND_H
#define GUEST_LIB_DEMAND_H

#include "area.h"

/*
 * Mark all pages of the area, which was not touched yet, until one is refused
 * by SIGBUS. How many were granted? Not for several threads at once.
 */
size_t demand_pages(struct area *area, u64 seed);

/*
 * Run @work in a child, which may be killed for want of memory instead of its
 * parent. Did it end with EXIT_PASSED?
 */
bool demand_in_child(int (*work)(void));

#endif

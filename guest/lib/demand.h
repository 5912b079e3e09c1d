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
 * The same with a word in each page, where it is the kernel's work that is to be
 * seen and not the program's; and how many of these words are wrong?
 */
size_t demand_words(struct area *area, u64 seed);
size_t demand_count_wrong_words(const struct area *area, size_t nr_pages, u64 seed);

/*
 * Run @work in a child, which may be killed for want of memory instead of its
 * parent. Did it end with EXIT_PASSED?
 */
bool demand_in_child(int (*work)(void));

#endif

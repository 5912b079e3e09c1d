/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Flips and map-backs that sleep between list and page table: a fault that debug
 * kernels can plant, so that others come in between.
 */
#ifndef GUEST_LIB_DAWDLE_H
#define GUEST_LIB_DAWDLE_H

#include <stdbool.h>

bool dawdle_exists(void);

/* Plant it, or take it away; nothing happens in a kernel that has no such fault. */
void dawdle(bool on);

#endif

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Flips and map-backs that sleep between list and page table.
 */
#include "dawdle.h"
#include "kfile.h"

#define FAULTS		"/sys/kernel/debug/unmapped/faults"
#define FAULT_DELAY	"16"	/* UNMAPPED_FAULT_DELAY */

bool dawdle_exists(void)
{
	return kfile_exists(FAULTS);
}

void dawdle(bool on)
{
	if (dawdle_exists())
		write_file(FAULTS, on ? FAULT_DELAY : "0");
}

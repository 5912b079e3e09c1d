/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The machine, as far as it matters for a report: CPU, kernel, log. Nothing that
 * tells whose it is.
 */
#ifndef UNMAPPED_MACHINE_H
#define UNMAPPED_MACHINE_H

#include "util.h"

/* Lines of "name: value". */
void machine_describe(struct string *out);

/* One line: PCID, INVPCID, PTI as found. */
void machine_describe_tlb(struct string *out);

/*
 * The kernel's log from now on: open, then count the lines that report a fault
 * and add those of this feature to @lines. -1 where the log may not be read.
 */
int klog_open(void);
long klog_finish(int fd, struct string *lines);

#endif

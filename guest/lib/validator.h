/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's own check of its invariants (debugfs unmapped/validate), which
 * only debug kernels have.
 */
#ifndef GUEST_LIB_VALIDATOR_H
#define GUEST_LIB_VALIDATOR_H

#include <stdbool.h>

bool validator_exists(void);

/*
 * Has it no fault to report? True as well where there is no validator, so that
 * a program that asks after each step runs on every kernel. What it finds is
 * shown as notes.
 */
bool validator_is_content(void);

/* One result, @what: it is content, or skipped where there is none. */
void validator_result(const char *what);
/* The same, under the usual name. */
void validator_report(void);

#endif

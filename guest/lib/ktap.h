/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Results of a test program in KTAP: the plan first, then one line a result.
 * ktap_finish() turns them into the exit status; a result that was planned and
 * never came counts as a failure.
 */
#ifndef GUEST_LIB_KTAP_H
#define GUEST_LIB_KTAP_H

#include <stdbool.h>

void ktap_plan(int nr_tests);
/* Report one result; returns @passed. */
bool ktap_ok(bool passed, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void ktap_skip(const char *reason, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* A line that explains; not a result. */
void ktap_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
int ktap_finish(void);

#endif

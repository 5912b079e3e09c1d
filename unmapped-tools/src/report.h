/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Output for scripts and logs: key=value lines, and one line a moment as
 * vmstat prints them.
 */
#ifndef UNMAPPED_REPORT_H
#define UNMAPPED_REPORT_H

#include "options.h"
#include "snapshot.h"

/* Keys are stable; a later version may add some. Amounts are in kB whatever -S says. */
void report_kv(struct string *out, struct snapshot *snapshot, const struct options *opt);

void report_header(struct string *out, const struct options *opt);
void report_line(struct string *out, const struct snapshot *snapshot,
		 const struct snapshot *before, const struct options *opt);

/* The columns and what they mean, for the help. */
void report_help(struct string *out);

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the user asked for, as all of the output goes by it.
 */
#ifndef UNMAPPED_OPTIONS_H
#define UNMAPPED_OPTIONS_H

#include "holders.h"

struct options {
	u64 nr_updates;		/* 0: without end */
	u64 delay_ms;
	bool timestamp;
	bool wide;		/* nothing is left out to save room */
	bool two_columns;	/* of counters: the terminal is wide */
	char unit;		/* of amounts: k, K, m or M */
	enum holder_order order;
};

/* Bytes of unit @unit; 0 where it is none. */
u64 unit_bytes(char unit);

/* @kb in the unit, rounded to the nearest; "-" where it is not known. */
#define AMOUNT_LENGTH	24
const char *amount_text(char *buffer, const struct options *opt, struct amount kb);

#endif

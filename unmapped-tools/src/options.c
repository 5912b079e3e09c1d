// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>

#include "options.h"

u64 unit_bytes(char unit)
{
	switch (unit) {
	case 'k':
		return 1000;
	case 'K':
		return KIB;
	case 'm':
		return 1000000;
	case 'M':
		return MIB;
	default:
		return 0;
	}
}

const char *amount_text(char *buffer, const struct options *opt, struct amount kb)
{
	double units = (double)kb.value * KIB / (double)unit_bytes(opt->unit);

	if (!kb.known)
		return "-";
	snprintf(buffer, AMOUNT_LENGTH, "%.0f", units);
	return buffer;
}

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The command line of programs whose options are all numbers: --NAME NUMBER. Others
 * have a getopt_long() of their own, with 'h' for --help.
 */
#ifndef GUEST_LIB_OPTIONS_H
#define GUEST_LIB_OPTIONS_H

#include "util.h"

struct number_option {
	const char *name;
	u64 *value;
};

/* The end of @options is one without a name. --help prints @usage and leaves. */
void parse_number_options(int argc, char **argv, const char *usage,
			  const struct number_option *options);

/* Print @usage as an error and leave. */
void wrong_use(const char *usage) __attribute__((noreturn));
/* What getopt_long() returned, and the program has no case for: 'h', or wrong use. */
void other_option(int c, const char *usage) __attribute__((noreturn));

#endif

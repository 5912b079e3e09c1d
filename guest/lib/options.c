// SPDX-License-Identifier: GPL-2.0-only
/*
 * The command line of programs whose options are all numbers.
 */
#define _GNU_SOURCE
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "options.h"

#define MAX_OPTIONS	8
#define FIRST_OPTION	256	/* beyond all characters */

void wrong_use(const char *usage)
{
	fputs(usage, stderr);
	exit(EXIT_USAGE);
}

void other_option(int c, const char *usage)
{
	if (c != 'h')
		wrong_use(usage);
	fputs(usage, stdout);
	exit(EXIT_PASSED);
}

void parse_number_options(int argc, char **argv, const char *usage,
			  const struct number_option *options)
{
	struct option table[MAX_OPTIONS + 2] = {
		{ "help", no_argument, NULL, 'h' },
	};
	int nr, c;

	for (nr = 0; options[nr].name; nr++) {
		if (nr == MAX_OPTIONS)
			die(EXIT_FAILED, "too many options");
		table[nr + 1] = (struct option) {
			options[nr].name, required_argument, NULL, FIRST_OPTION + nr
		};
	}
	while ((c = getopt_long(argc, argv, "h", table, NULL)) != -1) {
		if (c < FIRST_OPTION)
			other_option(c, usage);
		*options[c - FIRST_OPTION].value = parse_number(optarg);
	}
}

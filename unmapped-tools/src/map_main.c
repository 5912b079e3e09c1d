// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "kfile.h"
#include "map_draw.h"
#include "map_main.h"

#define ROWS_MAX	64

static const char usage[] =
	"usage: unmappedtop map [-w] [-c WHEN] [-o FILE [-T TITLE]] [--kv]\n"
	"\n"
	"Shows physical memory by pageblock: how the kernel's direct map maps it, and\n"
	"how much of it is used. Needs root.\n"
	"  -o, --output FILE  write a PNG; - is stdout\n"
	"  -T, --title TEXT   stands above the PNG\n"
	"      --kv           print lines of key=value: numbers of blocks and pages\n"
	"  -w, --wide         a cell for each block, however many lines that makes\n"
	"  -c, --color WHEN   auto (default: at a terminal, unless NO_COLOR is set),\n"
	"                     always, never\n"
	"      --root DIR     read DIR/proc and DIR/sys, a recording\n"
	"  -h, --help\n"
	"\n"
	"Exit codes: 0 done, 2 wrong use, 4 nothing to be shown here.\n";

struct map_options {
	const char *file, *title;
	bool kv, wide, colour;
};

static bool parse_colour(const char *when)
{
	const char *no_colour = getenv("NO_COLOR");

	if (!strcmp(when, "always"))
		return true;
	if (!strcmp(when, "never"))
		return false;
	if (strcmp(when, "auto"))
		die(EXIT_USAGE, "colour is auto, always or never, not '%s'", when);
	return isatty(STDOUT_FILENO) && !(no_colour && *no_colour);
}

static struct map_options parse_options(int argc, char **argv)
{
	static const struct option table[] = {
		{ "output", required_argument, NULL, 'o' },
		{ "title", required_argument, NULL, 'T' },
		{ "kv", no_argument, NULL, 'k' },
		{ "wide", no_argument, NULL, 'w' },
		{ "color", required_argument, NULL, 'c' },
		{ "root", required_argument, NULL, 'R' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	struct map_options opt = { };
	const char *colour = "auto";
	int c;

	while ((c = getopt_long(argc, argv, "o:T:wc:h", table, NULL)) != -1) {
		switch (c) {
		case 'o':
			opt.file = optarg;
			break;
		case 'T':
			opt.title = optarg;
			break;
		case 'k':
			opt.kv = true;
			break;
		case 'w':
			opt.wide = true;
			break;
		case 'c':
			colour = optarg;
			break;
		case 'R':
			kfile_set_root(optarg);
			break;
		case 'h':
			fputs(usage, stdout);
			exit(EXIT_OK);
		default:
			/* getopt_long() has said what is wrong. */
			exit(EXIT_USAGE);
		}
	}
	if (optind != argc)
		die(EXIT_USAGE, "no argument '%s' is expected; see unmappedtop map --help",
		    argv[optind]);
	if (opt.kv && opt.file)
		die(EXIT_USAGE, "only one of --kv and -o");
	opt.colour = parse_colour(colour);
	return opt;
}

/* Under another name first, so that no half picture is left under this one. */
static void write_file(const struct map *map, const struct map_options *opt)
{
	char *temporary;
	FILE *file;

	if (asprintf(&temporary, "%s.%d", opt->file, getpid()) < 0)
		die(EXIT_CANNOT, "out of memory");
	file = fopen(temporary, "we");
	if (!file)
		die(EXIT_CANNOT, "cannot write %s: %s", opt->file, strerror(errno));
	if (!map_draw_png(map, file, opt->title) | (fclose(file) != 0) ||
	    rename(temporary, opt->file)) {
		int error = errno;

		unlink(temporary);	/* what fails here failed before */
		die(EXIT_CANNOT, "cannot write %s: %s", opt->file, strerror(error));
	}
	free(temporary);
}

static void add_kv(const struct map *map, struct string *out)
{
	string_add(out, "version=%s\nkernel=%s\nblock_kb=%lu\n", TOOLS_VERSION, map->kernel,
		   map->block_bytes / KIB);
	for (int i = 0; i < NR_MAPPINGS; i++)
		string_add(out, "blocks_%s=%lu\n", mapping_keys[i], map->nr_by_mapping[i]);
	for (int i = 0; i < NR_USES; i++)
		string_add(out, "blocks_%s=%lu\n", use_keys[i], map->nr_by_use[i]);
	string_add(out, "pages=%lu\npages_used=%lu\npages_absent=%lu\n", map->nr_pages,
		   map->nr_used, map->nr_absent);
	if (map->missing_mapping)
		string_add(out, "not_shown=mapping: %s\n", map->missing_mapping);
	if (map->missing_use)
		string_add(out, "not_shown=use: %s\n", map->missing_use);
}

static size_t terminal_width(void)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) || !size.ws_col)
		return 80;
	return size.ws_col;
}

int map_main(int argc, char **argv)
{
	struct map_options opt = parse_options(argc, argv);
	struct string out = { };
	struct map map;

	map_read(&map);
	if (opt.file && strcmp(opt.file, "-")) {
		write_file(&map, &opt);
	} else if (opt.file) {
		if (!map_draw_png(&map, stdout, opt.title))
			die(EXIT_CANNOT, "cannot write: %s", strerror(errno));
	} else {
		if (opt.kv)
			add_kv(&map, &out);
		else
			map_draw_text(&map, &out, terminal_width(),
				      opt.wide ? SIZE_MAX : ROWS_MAX, opt.colour);
		if (fputs(out.text, stdout) == EOF || fflush(stdout))
			die(EXIT_CANNOT, "cannot write: %s", strerror(errno));
		string_free(&out);
	}
	map_free(&map);
	return EXIT_OK;
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Holds marked secrets, and marked ordinary memory beside them, while COMMAND runs,
 * to which it says where some of both lie: SECRET and ORDINARY, in its environment,
 * are lists of ADDRESS=WORD, in hexadecimal, ADDRESS in the direct map, which begins at
 * DIRECT_MAP. Ends with the command's status, or EXIT_FAILED if secrets were not absent
 * or whole afterwards.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "area.h"
#include "dmap.h"
#include "frames.h"
#include "mark.h"
#include "validator.h"

#define SIZE		(8 * MIB)
#define NR_PAGES	(SIZE / PAGE_SIZE)
#define NR_SHOWN	16
#define SEED_SECRET	1
#define SEED_ORDINARY	2

static const char usage[] = "usage: witness COMMAND [ARG]...\n";

/* Its pages' first words are marks at multiples of WORDS_PER_PAGE. */
static void tell(const char *name, const struct dmap *map, const struct area *area)
{
	struct frames frames = frames_of_area(area);
	char list[NR_SHOWN * 40], *end = list;

	for (size_t i = 0; i < NR_SHOWN; i++) {
		size_t page = i * (NR_PAGES / NR_SHOWN);

		end += sprintf(end, "%lx=%016lx ", map->base + frames.pfns[page] * PAGE_SIZE,
			       *area_page(area, page));
	}
	frames_free(&frames);
	if (setenv(name, list, 1))
		die_errno("setenv");
}

static void tell_base(const struct dmap *map)
{
	char base[20];

	snprintf(base, sizeof(base), "%lx", map->base);
	if (setenv("DIRECT_MAP", base, 1))
		die_errno("setenv");
}

static int run(char **argv)
{
	pid_t pid = fork_child();
	int status;

	if (!pid) {
		execvp(argv[0], argv);
		_exit(127);
	}
	status = wait_child(pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILED;
}

int main(int argc, char **argv)
{
	struct area secret, ordinary;
	struct dmap map;
	int status;

	if (argc < 2) {
		fputs(usage, stderr);
		return EXIT_USAGE;
	}
	secret = secret_area(SIZE);
	ordinary = area_create(AREA_ANON, SIZE);
	mark_fill_pages(secret.start, NR_PAGES, SEED_SECRET);
	mark_fill_pages(ordinary.start, NR_PAGES, SEED_ORDINARY);
	dmap_load(&map);
	tell("SECRET", &map, &secret);
	tell("ORDINARY", &map, &ordinary);
	tell_base(&map);
	dmap_free(&map);
	status = run(argv + 1);
	if (!area_is_absent(&secret) ||
	    mark_count_wrong_pages(secret.start, NR_PAGES, SEED_SECRET) ||
	    !validator_is_content())
		die(EXIT_FAILED, "the secrets are not absent, or not whole any more");
	return status;
}

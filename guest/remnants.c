// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a killed owner leaves in RAM. A child fills memory with marks and is
 * killed; then the parent, without a system call or a page fault in between,
 * fills a page of its own with stop marks and spins. Whoever holds the guest's
 * RAM file waits for the stop marks, ends the guest, and searches.
 */
#define _GNU_SOURCE
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "area.h"
#include "mark.h"

static const char usage[] =
	"usage: remnants --seed N [--size BYTES] [--anon] [--alive]\n"
	"  --seed N      of the marks; the stop marks have seed N + 1\n"
	"  --size BYTES  of marked memory (default 16M)\n"
	"  --anon        anonymous memory, not secret memory\n"
	"  --alive       do not kill the owner\n";

struct options {
	u64 seed;
	size_t size;
	enum area_kind kind;
	bool alive;
};

static struct options parse_options(int argc, char **argv)
{
	static const struct option table[] = {
		{ "seed", required_argument, NULL, 's' },
		{ "size", required_argument, NULL, 'z' },
		{ "anon", no_argument, NULL, 'a' },
		{ "alive", no_argument, NULL, 'l' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	struct options opt = { 0, 16 * MIB, AREA_SECRET, false };
	int c;

	while ((c = getopt_long(argc, argv, "h", table, NULL)) != -1) {
		switch (c) {
		case 's':
			opt.seed = parse_number(optarg);
			break;
		case 'z':
			opt.size = parse_number(optarg) & ~(PAGE_SIZE - 1);
			break;
		case 'a':
			opt.kind = AREA_ANON;
			break;
		case 'l':
			opt.alive = true;
			break;
		case 'h':
			fputs(usage, stdout);
			exit(EXIT_PASSED);
		default:
			fputs(usage, stderr);
			exit(EXIT_USAGE);
		}
	}
	if (!opt.seed || !opt.size) {
		fputs(usage, stderr);
		exit(EXIT_USAGE);
	}
	return opt;
}

static void own_marks(const struct options *opt, volatile int *ready)
{
	struct area area = area_create(opt->kind, opt->size);

	mark_fill_pages(area.start, area_nr_pages(&area), opt->seed);
	*ready = 1;
	for (;;)
		pause();
}

int main(int argc, char **argv)
{
	struct options opt = parse_options(argc, argv);
	volatile int *ready = shared_alloc(sizeof(*ready));
	u64 *stop_page = shared_alloc(PAGE_SIZE);
	int status;
	pid_t pid;

	*stop_page = 1;		/* in place before the child is killed */
	pid = fork_child();
	if (!pid)
		own_marks(&opt, ready);
	while (!*ready) {
		if (waitpid(pid, NULL, WNOHANG))
			die(EXIT_FAILED, "the child ended by itself");
		usleep(1000);
	}
	if (!opt.alive) {
		kill(pid, SIGKILL);
		if (waitpid(pid, &status, 0) != pid)
			die_errno("waitpid");
	}
	mark_fill_pages(stop_page, 1, opt.seed + 1);
	for (;;)
		;
}

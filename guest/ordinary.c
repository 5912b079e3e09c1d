// SPDX-License-Identifier: GPL-2.0-only
/*
 * What ordinary work costs beside unmapped memory, counted in instructions
 * (tools/vm --icount): loads that never ask for a secret, on a machine that has
 * no unmapped memory, much that is free, or much in use.
 *
 * Prints key=value: the middle of the rounds, the least and the most, of
 * instructions a unit: a page, or one turn of the load.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "area.h"
#include "hoard.h"
#include "instr.h"
#include "kstat.h"
#include "options.h"
#include "profile.h"

static const char usage[] =
	"usage: ordinary [--beside none|free|used] [--rounds N] [--only LOAD]\n"
	"  --beside none  no unmapped memory (default)\n"
	"           free  half of RAM was secret, and is free\n"
	"           used  half of RAM is secret\n"
	"  --rounds N     rounds of each load (default 5)\n"
	"  --only LOAD    anon, tmpfs, slab, forkexec or read; tools/profile sees its rounds\n";

#define SIZE		(16 * MIB)
#define NR_FORKS	128
#define NR_SOCKETS	256
#define NR_TURNS	64	/* what is freed by RCU is freed in another turn */
#define NR_READS	16

static int cached_file = -1;

static u64 touch_area(enum area_kind kind)
{
	struct area area = area_create(kind, SIZE);

	for (size_t i = 0; i < area_nr_pages(&area); i++)
		*(volatile u64 *)area_page(&area, i) = 1;
	area_destroy(&area);
	return SIZE / PAGE_SIZE;
}

static u64 do_anon(void)
{
	return touch_area(AREA_ANON);
}

static u64 do_tmpfs(void)
{
	return touch_area(AREA_TMPFS);
}

static void open_and_close_sockets(void)
{
	static int fds[NR_SOCKETS][2];

	for (int i = 0; i < NR_SOCKETS; i++) {
		if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds[i]))
			die_errno("socketpair");
	}
	for (int i = 0; i < NR_SOCKETS; i++) {
		close(fds[i][0]);
		close(fds[i][1]);
	}
}

/* Inodes, dentries, files and sockets: all of it slab. */
static u64 do_slab(void)
{
	for (int i = 0; i < NR_TURNS; i++)
		open_and_close_sockets();
	return NR_TURNS * NR_SOCKETS;
}

static u64 do_forkexec(void)
{
	for (int i = 0; i < NR_FORKS; i++) {
		pid_t pid = fork_child();

		if (!pid) {
			execl("/bin/busybox", "true", (char *)NULL);
			_exit(127);
		}
		if (!child_passed(wait_child(pid)))
			die(EXIT_FAILED, "/bin/busybox does not run");
	}
	return NR_FORKS;
}

static u64 do_read(void)
{
	static char buffer[64 * KIB];
	u64 nr_pages = 0;
	ssize_t got;

	for (int i = 0; i < NR_READS; i++) {
		if (lseek(cached_file, 0, SEEK_SET) < 0)
			die_errno("lseek");
		while ((got = read(cached_file, buffer, sizeof(buffer))) > 0)
			nr_pages += (u64)got / PAGE_SIZE;
	}
	return nr_pages;
}

static const struct load {
	const char *name;
	u64 (*run)(void);	/* returns how many units it did */
} loads[] = {
	{ "anon", do_anon },
	{ "tmpfs", do_tmpfs },
	{ "slab", do_slab },
	{ "forkexec", do_forkexec },
	{ "read", do_read },
};

static int compare_double(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void measure(const struct load *load, unsigned int nr_rounds)
{
	double costs[nr_rounds];

	load->run();
	profile_begin();
	for (unsigned int i = 0; i < nr_rounds; i++) {
		u64 start = instr_now(), nr_units = load->run();

		costs[i] = (double)(instr_now() - start) / (double)nr_units;
	}
	profile_end();
	qsort(costs, nr_rounds, sizeof(*costs), compare_double);
	printf("%s=%.1f\n%s_min=%.1f\n%s_max=%.1f\n", load->name,
	       costs[nr_rounds / 2], load->name, costs[0], load->name,
	       costs[nr_rounds - 1]);
	fflush(stdout);
}

static void make_cached_file(void)
{
	static char buffer[MIB];

	cached_file = memfd_create("cached", 0);
	if (cached_file < 0)
		die_errno("memfd_create");
	memset(buffer, 1, sizeof(buffer));
	for (int i = 0; i < 4; i++) {
		if (write(cached_file, buffer, sizeof(buffer)) != sizeof(buffer))
			die_errno("write");
	}
}

/*
 * The secrets are another process's: areas of its own would cost this one in each
 * fault and fork.
 */
static void hold_half_of_ram(bool drop)
{
	static struct hoard hoard = { .kind = AREA_SECRET, .seed = 1 };
	int fds[2];
	char byte = 0;

	if (pipe(fds))
		die_errno("pipe");
	if (!fork_child()) {
		hoard_take_share(&hoard, 16 * MIB, 50);
		if (drop)
			hoard_drop(&hoard);
		if (write(fds[1], &byte, 1) != 1)
			die_errno("write");
		for (;;)
			pause();
	}
	close(fds[1]);
	if (read(fds[0], &byte, 1) != 1)
		die(EXIT_FAILED, "nobody holds secrets");
	close(fds[0]);
}

int main(int argc, char **argv)
{
	static const struct option table[] = {
		{ "beside", required_argument, NULL, 'b' },
		{ "rounds", required_argument, NULL, 'r' },
		{ "only", required_argument, NULL, 'o' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	const char *beside = "none", *only = NULL;
	unsigned int nr_rounds = 5;
	int c;

	while ((c = getopt_long(argc, argv, "h", table, NULL)) != -1) {
		switch (c) {
		case 'b':
			beside = optarg;
			break;
		case 'r':
			nr_rounds = (unsigned int)parse_number(optarg);
			break;
		case 'o':
			only = optarg;
			break;
		default:
			other_option(c, usage);
		}
	}
	if (optind != argc || !nr_rounds ||
	    (strcmp(beside, "none") && strcmp(beside, "free") && strcmp(beside, "used")))
		wrong_use(usage);
	if (!instr_is_exact())
		die(EXIT_CANNOT_RUN, "the clock counts no instructions: run me by tools/vm --icount");
	make_cached_file();
	if (strcmp(beside, "none"))
		hold_half_of_ram(!strcmp(beside, "free"));
	printf("free_unmapped_kb=%ld\n", vmstat_read("nr_free_unmapped_pages") * 4);
	for (size_t i = 0; i < ARRAY_SIZE(loads); i++) {
		if (!only || !strcmp(only, loads[i].name))
			measure(&loads[i], nr_rounds);
	}
	return EXIT_PASSED;
}

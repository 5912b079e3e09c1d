// SPDX-License-Identifier: GPL-2.0-only
/*
 * Search a guest's RAM file (tools/vm --ram) for marks, and its page tables for
 * translations to the pages that hold any; tools/ram-search compiles and runs
 * it. A word is a mark if the index that would make it one is below the number
 * of marks made (guest/lib/mark.h), so no table is needed and a file of 2 GiB
 * takes about a second. Holes of the file are skipped.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../guest/lib/mark.h"
#include "pgwalk.h"

static const char usage[] =
	"usage: tools/ram-search [-h] --seed N --count PAGES [--unaligned]\n"
	"                        [--wait SECONDS] [--map SYSTEM.MAP] FILE\n"
	"\n"
	"Counts the pages of FILE that hold marks of this seed, of which PAGES pages\n"
	"were filled, and the marks in them.\n"
	"  --unaligned     look at each byte, not only at each eighth\n"
	"  --wait SECONDS  search again until there are some, at most so long\n"
	"  --map FILE      then walk the page tables of the kernel with this\n"
	"                  System.map (see tools/vm --print-build). The guest must\n"
	"                  not run any more\n"
	"Prints NAME=NUMBER:\n"
	"  pages, marks    that were found\n"
	"with --map also\n"
	"  levels          of the page tables\n"
	"  spaces          address spaces: the kernel's and each on pgd_list\n"
	"  tables          page tables looked at\n"
	"  mapped          pages with marks that the kernel half of an address space\n"
	"                  has a present translation to, of any kind and level\n"
	"  translations    how many these are, of 4 KiB each\n"
	"  direct, image, elsewhere   of them: those of the direct map, those that see\n"
	"                  RAM as a part of the kernel's image, all others\n"
	"  ephemeral       pages with marks that a user half maps for the kernel only\n"
	"  user_mapped     pages with marks that user mode has mapped\n"
	"  user_spaces     in so many address spaces\n"
	"  at=...          the first translations of `mapped` and `ephemeral`, a line each\n"
	"Exit codes: 0 searched, 2 wrong use, 4 FILE or SYSTEM.MAP cannot be read, or\n"
	"the kernel in FILE is another one, 124 time-out.\n";

enum { EXIT_TIMEOUT = 124, NR_SHOWN = 8 };

struct options {
	const char *path;
	const char *map_path;
	u64 seed;
	u64 nr_marks;
	size_t step;		/* bytes between two looks */
	unsigned int wait_s;
};

/* What is known of a page. */
enum {
	MARKED = 1,
	IN_KERNEL_HALF = 2,
	IN_USER_HALF = 4,
	EPHEMERAL = 8,
};

struct found {
	size_t nr_pages;
	size_t nr_marks;
	unsigned char *pages;	/* flags of each page of the file */
};

struct seen {
	const struct guest *guest;
	unsigned char *pages;
	unsigned char *spaces;	/* 1: user mode maps a marked page in it */
	size_t nr_translations, nr_direct, nr_image, nr_shown;
	struct translation shown[NR_SHOWN];
};

static void *zero_alloc(size_t nr_bytes)
{
	void *memory = calloc(nr_bytes, 1);

	if (!memory)
		err(EXIT_CANNOT_RUN, "error: calloc");
	return memory;
}

static u64 number(const char *text)
{
	char *end;
	u64 value = strtoull(text, &end, 0);

	if (end == text || *end)
		errx(EXIT_USAGE, "error: not a number: %s", text);
	return value;
}

static struct options parse_options(int argc, char **argv)
{
	static const struct option table[] = {
		{ "seed", required_argument, NULL, 's' },
		{ "count", required_argument, NULL, 'n' },
		{ "unaligned", no_argument, NULL, 'u' },
		{ "wait", required_argument, NULL, 'w' },
		{ "map", required_argument, NULL, 'm' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	struct options opt = { .step = sizeof(u64) };
	int c;

	while ((c = getopt_long(argc, argv, "h", table, NULL)) != -1) {
		switch (c) {
		case 's':
			opt.seed = number(optarg);
			break;
		case 'n':
			opt.nr_marks = number(optarg) * WORDS_PER_PAGE;
			break;
		case 'u':
			opt.step = 1;
			break;
		case 'w':
			opt.wait_s = (unsigned int)number(optarg);
			break;
		case 'm':
			opt.map_path = optarg;
			break;
		case 'h':
			fputs(usage, stdout);
			exit(EXIT_PASSED);
		default:
			fputs(usage, stderr);
			exit(EXIT_USAGE);
		}
	}
	if (!opt.seed || !opt.nr_marks || optind + 1 != argc) {
		fputs(usage, stderr);
		exit(EXIT_USAGE);
	}
	opt.path = argv[optind];
	return opt;
}

/* ------------------------------------------------------------ the search */

/* Marks that begin in this page; one may reach into the next, up to @end. */
static size_t count_marks(const struct options *opt, const char *page,
			  const char *end)
{
	size_t nr_marks = 0;
	u64 word;

	for (const char *at = page; at < page + PAGE_SIZE &&
	     at + sizeof(word) <= end; at += opt->step) {
		memcpy(&word, at, sizeof(word));
		nr_marks += mark_index(opt->seed, word) < opt->nr_marks;
	}
	return nr_marks;
}

static void search_range(const struct options *opt, const struct ram *ram,
			 u64 start, u64 end, struct found *found)
{
	for (u64 page = start; page < end; page += PAGE_SIZE) {
		size_t nr_marks = count_marks(opt, ram->bytes + page,
					      ram->bytes + end);

		found->nr_marks += nr_marks;
		found->nr_pages += nr_marks > 0;
		found->pages[page >> PAGE_SHIFT] = nr_marks ? MARKED : 0;
	}
}

/* The parts of the file that hold data, in whole pages. */
static void search_file(const struct options *opt, int fd,
			const struct ram *ram, struct found *found)
{
	off_t start, end, size = (off_t)ram->size;

	found->nr_pages = 0;
	found->nr_marks = 0;
	for (end = 0; end < size;) {
		start = lseek(fd, end, SEEK_DATA);
		if (start < 0 && errno == ENXIO)
			break;
		end = start < 0 ? -1 : lseek(fd, start, SEEK_HOLE);
		if (end < 0)
			err(EXIT_CANNOT_RUN, "error: %s", opt->path);
		search_range(opt, ram, (u64)start, (u64)end, found);
	}
}

static int open_file(const struct options *opt, struct ram *ram)
{
	int fd = open(opt->path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	void *bytes;
	size_t size;

	if (fd < 0 || fstat(fd, &st))
		err(EXIT_CANNOT_RUN, "error: %s", opt->path);
	size = (size_t)st.st_size & ~(PAGE_SIZE - 1);
	bytes = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	if (bytes == MAP_FAILED)
		err(EXIT_CANNOT_RUN, "error: %s", opt->path);
	*ram = ram_of_file(bytes, size);
	return fd;
}

/* -------------------------------------------------------- the page tables */

static void note_translation(void *arg, const struct translation *at)
{
	struct seen *seen = arg;
	unsigned char *page = &seen->pages[ram_page_number(seen->guest->ram,
							   at->phys)];

	if (at->kernel_half) {
		*page |= IN_KERNEL_HALF;
		seen->nr_translations++;
		seen->nr_direct +=
			at->virt == seen->guest->direct_map + at->phys;
		seen->nr_image += at->virt == KERNEL_IMAGE + at->phys;
	} else if (at->user_mode) {
		*page |= IN_USER_HALF;
		seen->spaces[at->space] = 1;
		return;
	} else {
		*page |= EPHEMERAL;
	}
	if (seen->nr_shown < NR_SHOWN)
		seen->shown[seen->nr_shown++] = *at;
}

static size_t count_bytes(const unsigned char *bytes, size_t nr,
			  unsigned char mask)
{
	size_t count = 0;

	for (size_t i = 0; i < nr; i++)
		count += !!(bytes[i] & mask);
	return count;
}

static void print_seen(const struct seen *seen)
{
	static const char *const levels[] = { "", "4K", "2M", "1G" };
	size_t nr_pages = ram_nr_pages(seen->guest->ram);

	printf("mapped=%zu\ntranslations=%zu\n",
	       count_bytes(seen->pages, nr_pages, IN_KERNEL_HALF),
	       seen->nr_translations);
	printf("direct=%zu\nimage=%zu\nelsewhere=%zu\n",
	       seen->nr_direct, seen->nr_image,
	       seen->nr_translations - seen->nr_direct - seen->nr_image);
	printf("ephemeral=%zu\nuser_mapped=%zu\nuser_spaces=%zu\n",
	       count_bytes(seen->pages, nr_pages, EPHEMERAL),
	       count_bytes(seen->pages, nr_pages, IN_USER_HALF),
	       count_bytes(seen->spaces, seen->guest->nr_pgds + 1, 1));
	for (size_t i = 0; i < seen->nr_shown; i++) {
		const struct translation *at = &seen->shown[i];

		printf("at=%#" PRIx64 " level=%s frame=%#" PRIx64 " space=%zu\n",
		       at->virt, levels[at->level], at->phys >> PAGE_SHIFT,
		       at->space);
	}
}

static void walk_page_tables(const struct options *opt, const struct ram *ram,
			     struct found *found)
{
	struct guest guest = guest_find(ram, opt->map_path);
	struct seen seen = {
		.guest = &guest,
		.pages = found->pages,
		.spaces = zero_alloc(guest.nr_pgds + 1),
	};
	struct pgwalk walk = {
		.guest = &guest,
		.wanted = found->pages,
		.found = note_translation,
		.arg = &seen,
	};

	pgwalk_all(&walk);
	printf("levels=%u\nspaces=%zu\ntables=%zu\n", guest.nr_levels,
	       guest.nr_pgds + 1, walk.nr_tables);
	print_seen(&seen);
}

int main(int argc, char **argv)
{
	struct options opt = parse_options(argc, argv);
	time_t end = time(NULL) + opt.wait_s;
	struct found found = { 0 };
	struct ram ram;
	int fd = open_file(&opt, &ram);

	found.pages = zero_alloc(ram_nr_pages(&ram));
	search_file(&opt, fd, &ram, &found);
	while (opt.wait_s && !found.nr_marks) {
		if (time(NULL) >= end)
			return EXIT_TIMEOUT;
		usleep(200000);
		search_file(&opt, fd, &ram, &found);
	}
	printf("pages=%zu\nmarks=%zu\n", found.nr_pages, found.nr_marks);
	if (opt.map_path)
		walk_page_tables(&opt, &ram, &found);
	return EXIT_PASSED;
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Search a guest's RAM file (tools/vm --ram) for marks; tools/ram-search
 * compiles and runs it. A word is a mark if the index that would make it one is
 * below the number of marks made (guest/lib/mark.h), so no table is needed and
 * a file of 2 GiB takes about a second. Holes of the file are skipped.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../guest/lib/mark.h"

static const char usage[] =
	"usage: tools/ram-search [-h] --seed N --count PAGES [--unaligned]\n"
	"                        [--wait SECONDS] FILE\n"
	"\n"
	"Counts the pages of FILE that hold marks of this seed, of which PAGES pages\n"
	"were filled, and the marks in them.\n"
	"  --unaligned     look at each byte, not only at each eighth\n"
	"  --wait SECONDS  search again until there are some, at most so long\n"
	"Exit codes: 0 searched, 2 wrong use, 4 FILE cannot be read, 124 time-out.\n";

enum { EXIT_TIMEOUT = 124 };

struct options {
	const char *path;
	u64 seed;
	u64 nr_marks;
	size_t step;		/* bytes between two looks */
	unsigned int wait_s;
};

struct found {
	size_t nr_pages;
	size_t nr_marks;
};

static void fail(int status, const char *what)
{
	fprintf(stderr, "ram-search: error: %s: %s\n", what, strerror(errno));
	exit(status);
}

static u64 number(const char *text)
{
	char *end;
	u64 value = strtoull(text, &end, 0);

	if (end == text || *end) {
		fprintf(stderr, "ram-search: error: not a number: %s\n", text);
		exit(EXIT_USAGE);
	}
	return value;
}

static struct options parse_options(int argc, char **argv)
{
	static const struct option table[] = {
		{ "seed", required_argument, NULL, 's' },
		{ "count", required_argument, NULL, 'n' },
		{ "unaligned", no_argument, NULL, 'u' },
		{ "wait", required_argument, NULL, 'w' },
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

static void search_range(const struct options *opt, const char *start,
			 const char *end, struct found *found)
{
	for (const char *page = start; page < end; page += PAGE_SIZE) {
		size_t nr_marks = count_marks(opt, page, end);

		found->nr_marks += nr_marks;
		found->nr_pages += nr_marks > 0;
	}
}

/* The parts of the file that hold data, in whole pages. */
static struct found search_file(const struct options *opt, int fd,
				const char *memory, off_t size)
{
	struct found found = { 0, 0 };
	off_t start, end;

	for (end = 0; end < size;) {
		start = lseek(fd, end, SEEK_DATA);
		if (start < 0 && errno == ENXIO)
			break;
		end = start < 0 ? -1 : lseek(fd, start, SEEK_HOLE);
		if (end < 0)
			fail(EXIT_CANNOT_RUN, opt->path);
		search_range(opt, memory + start, memory + end, &found);
	}
	return found;
}

static int open_file(const struct options *opt, const char **memory,
		     off_t *size)
{
	int fd = open(opt->path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		fail(EXIT_CANNOT_RUN, opt->path);
	*size = st.st_size & ~((off_t)PAGE_SIZE - 1);
	*memory = mmap(NULL, (size_t)*size, PROT_READ, MAP_SHARED, fd, 0);
	if (*memory == MAP_FAILED)
		fail(EXIT_CANNOT_RUN, opt->path);
	return fd;
}

int main(int argc, char **argv)
{
	struct options opt = parse_options(argc, argv);
	time_t end = time(NULL) + opt.wait_s;
	const char *memory;
	struct found found;
	off_t size;
	int fd = open_file(&opt, &memory, &size);

	found = search_file(&opt, fd, memory, size);
	while (opt.wait_s && !found.nr_marks) {
		if (time(NULL) >= end)
			return EXIT_TIMEOUT;
		usleep(200000);
		found = search_file(&opt, fd, memory, size);
	}
	printf("pages=%zu\nmarks=%zu\n", found.nr_pages, found.nr_marks);
	return EXIT_PASSED;
}

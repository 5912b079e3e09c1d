// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "secret.h"

#ifndef SYS_memfd_secret
#define SYS_memfd_secret	447
#endif

#define PAGE_WORDS	(PAGE_BYTES / sizeof(u64))
#define PFN_PRESENT	(1ULL << 63)
#define PFN_MASK	((1ULL << 55) - 1)

static sigjmp_buf on_sigbus;

static void catch_sigbus(int signal)
{
	(void)signal;
	siglongjmp(on_sigbus, 1);
}

bool secret_create(struct secret *secret, enum secret_kind kind, size_t nr_pages)
{
	int fd = kind == KIND_SECRET ? (int)syscall(SYS_memfd_secret, O_CLOEXEC) :
				       memfd_create("ordinary", MFD_CLOEXEC);
	void *start = MAP_FAILED;
	int error;

	memset(secret, 0, sizeof(*secret));
	if (fd < 0)
		return false;
	if (!ftruncate(fd, (off_t)(nr_pages * PAGE_BYTES)))
		start = mmap(NULL, nr_pages * PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED,
			     fd, 0);
	error = errno;
	close(fd);	/* the mapping keeps the memory */
	errno = error;
	if (start == MAP_FAILED)
		return false;
	secret->start = start;
	secret->nr_pages = nr_pages;
	secret->pfns = xcalloc(nr_pages, sizeof(*secret->pfns));
	return true;
}

void secret_drop(struct secret *secret)
{
	if (secret->start)
		munmap(secret->start, secret->nr_pages * PAGE_BYTES);	/* ours: cannot fail */
	free(secret->pfns);
	memset(secret, 0, sizeof(*secret));
}

/* A page has one at its start and one at its end; neither is in our image. */
u64 secret_mark(size_t page)
{
	return ((u64)page * 0x9e3779b97f4a7c15ULL) ^ 0xd6e8feb86659fd93ULL;
}

static bool is_zero(const volatile u64 *page)
{
	for (size_t i = 0; i < PAGE_WORDS; i++)
		if (page[i])
			return false;
	return true;
}

struct secret_touch secret_fill(const struct secret *secret)
{
	struct sigaction action = { .sa_handler = catch_sigbus }, before;
	/* siglongjmp() leaves alone what is not in a register. */
	static volatile size_t page;
	static volatile size_t nr_nonzero;

	nr_nonzero = 0;
	page = 0;
	sigaction(SIGBUS, &action, &before);	/* neither can fail */
	if (!sigsetjmp(on_sigbus, 1)) {
		for (; page < secret->nr_pages; page++) {
			volatile u64 *words = secret->start + page * PAGE_WORDS;

			nr_nonzero += !is_zero(words);
			words[0] = secret_mark(page);
			words[PAGE_WORDS - 1] = ~secret_mark(page);
		}
	}
	sigaction(SIGBUS, &before, NULL);
	return (struct secret_touch) { page, nr_nonzero };
}

size_t secret_count_wrong(const struct secret *secret)
{
	size_t nr = 0;

	for (size_t page = 0; page < secret->nr_pages; page++) {
		const volatile u64 *words = secret->start + page * PAGE_WORDS;

		nr += words[0] != secret_mark(page) ||
		      words[PAGE_WORDS - 1] != ~secret_mark(page);
	}
	return nr;
}

size_t find_frames(const void *start, size_t nr_pages, u64 *pfns)
{
	off_t offset = (off_t)((uintptr_t)start / PAGE_BYTES * sizeof(*pfns));
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : pread(fd, pfns, nr_pages * sizeof(*pfns), offset);
	size_t nr_read = n > 0 ? (size_t)n / sizeof(*pfns) : 0, nr = 0;

	if (fd >= 0)
		close(fd);	/* read only: nothing can be lost */
	for (size_t i = 0; i < nr_pages; i++) {
		/* To others than root each frame is 0. */
		if (i >= nr_read || !(pfns[i] & PFN_PRESENT) || !(pfns[i] & PFN_MASK)) {
			pfns[i] = PFN_NONE;
			continue;
		}
		pfns[i] &= PFN_MASK;
		nr++;
	}
	return nr;
}

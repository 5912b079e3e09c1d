// SPDX-License-Identifier: GPL-2.0-only
/*
 * The size of a secret file and the edges of its mapping, as stock has them:
 * the size is set once, nothing lies beyond its end, unmapped means gone.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "area.h"
#include "ktap.h"
#include "mark.h"

/* The signal that ends a child which touches @address; 0 for none. */
static int signal_of_touch(volatile char *address)
{
	pid_t pid = fork_child();
	int status;

	if (!pid) {
		*address = 1;
		_exit(0);
	}
	status = wait_child(pid);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static char *map_or_die(int fd, size_t size)
{
	char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED,
			    fd, 0);

	if (memory == MAP_FAILED)
		die_errno("mmap");
	return memory;
}

static bool resize_refused(int fd, off_t size)
{
	return ftruncate(fd, size) < 0 && errno == EINVAL;
}

static void test_truncation(void)
{
	int fd = secret_create_sized(16 * PAGE_SIZE);
	char *memory = map_or_die(fd, 16 * PAGE_SIZE);
	struct stat st;

	mark_fill_pages(memory, 16, 1);
	ktap_ok(resize_refused(fd, 8 * PAGE_SIZE), "shrinking is refused");
	ktap_ok(resize_refused(fd, 32 * PAGE_SIZE), "growing is refused");
	ktap_ok(resize_refused(fd, 0), "emptying is refused");
	ktap_ok(!fstat(fd, &st) && st.st_size == 16 * PAGE_SIZE &&
		!mark_count_wrong_pages(memory, 16, 1),
		"size and contents stay as they were");
}

static void test_end_of_file(void)
{
	int fd = secret_create(0);
	char *memory = map_or_die(fd, 4 * PAGE_SIZE);

	ktap_ok(signal_of_touch(memory) == SIGBUS,
		"a file without a size gives SIGBUS");
	if (ftruncate(fd, (off_t)(2 * PAGE_SIZE + 100)))
		die_errno("ftruncate");
	ktap_ok(!signal_of_touch(memory + 2 * PAGE_SIZE),
		"the page that holds the end can be touched");
	ktap_ok(!signal_of_touch(memory + 3 * PAGE_SIZE - 1),
		"as far as the page goes");
	ktap_ok(signal_of_touch(memory + 3 * PAGE_SIZE) == SIGBUS,
		"the page beyond it gives SIGBUS");
}

/* Sizes round the block size: a page beyond the end is never handed out. */
static void test_odd_sizes(void)
{
	static const size_t sizes[] = {
		BLOCK_BYTES - PAGE_SIZE, BLOCK_BYTES - 1, BLOCK_BYTES,
		BLOCK_BYTES + 1, BLOCK_BYTES + PAGE_SIZE, 3 * BLOCK_BYTES - 1,
	};
	bool passed = true;

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		size_t nr_pages = (sizes[i] + PAGE_SIZE - 1) / PAGE_SIZE;
		size_t size = (nr_pages + 1) * PAGE_SIZE;
		int fd = secret_create_sized(sizes[i]);
		char *memory = map_or_die(fd, size);

		mark_fill_pages(memory, nr_pages, i);
		passed &= !mark_count_wrong_pages(memory, nr_pages, i);
		passed &= signal_of_touch(memory + nr_pages * PAGE_SIZE) ==
			  SIGBUS;
		munmap(memory, size);	/* only address space is at stake */
		close(fd);
	}
	ktap_ok(passed, "sizes round a block are exact");
}

static void test_munmap(void)
{
	struct area area = secret_area(8 * PAGE_SIZE);
	char *memory = area.start;

	mark_fill_pages(memory, 8, 2);
	if (munmap(memory + 2 * PAGE_SIZE, 2 * PAGE_SIZE))
		die_errno("munmap");
	ktap_ok(signal_of_touch(memory + 2 * PAGE_SIZE) == SIGSEGV &&
		!mark_count_wrong_pages(memory, 2, 2),
		"a hole by munmap faults, the rest stays");
	memory = map_or_die(area.fd, area.size);
	ktap_ok(!mark_count_wrong_pages(memory, 8, 2),
		"the pages behind the hole were kept by the file");
	close(area.fd);
	ktap_ok(!mark_count_wrong_pages(memory, 8, 2),
		"and a mapping keeps them when the file is closed");
	if (munmap(memory, area.size))
		die_errno("munmap");
	ktap_ok(signal_of_touch(memory) == SIGSEGV,
		"after the last munmap a touch gives SIGSEGV");
}

int main(void)
{
	ktap_plan(13);
	test_truncation();
	test_end_of_file();
	test_odd_sizes();
	test_munmap();
	return ktap_finish();
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Secret memory across fork and exec: a mapping is shared with the child and
 * outlives it; exec drops the mapping, keeps the descriptor unless it was made
 * with O_CLOEXEC, and what it held is gone with the last of them.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "area.h"
#include "ktap.h"
#include "mark.h"

#define SIZE		(4 * MIB)
#define NR_PAGES	(SIZE / PAGE_SIZE)

static void test_child_sees_parent(void)
{
	struct area area = secret_area(SIZE);
	pid_t pid;

	mark_fill_pages(area.start, NR_PAGES, 1);
	pid = fork_child();
	if (!pid)
		_exit(!!mark_count_wrong_pages(area.start, NR_PAGES, 1));
	ktap_ok(child_passed(wait_child(pid)),
		"a child reads what its parent wrote");
	area_destroy(&area);
}

static void test_parent_sees_child(void)
{
	struct area area = secret_area(SIZE);
	pid_t pid = fork_child();

	if (!pid) {
		mark_fill_pages(area.start, NR_PAGES, 2);
		_exit(0);
	}
	ktap_ok(child_passed(wait_child(pid)) &&
		!mark_count_wrong_pages(area.start, NR_PAGES, 2),
		"the parent reads what a child wrote, after its exit");
	area_destroy(&area);
}

static void test_child_killed(void)
{
	struct area area = secret_area(SIZE);
	pid_t pid;

	mark_fill_pages(area.start, NR_PAGES, 3);
	pid = fork_child();
	if (!pid)
		raise(SIGKILL);
	ktap_ok(child_killed_by(wait_child(pid), SIGKILL) &&
		!mark_count_wrong_pages(area.start, NR_PAGES, 3),
		"the death of a child takes nothing from the parent");
	area_destroy(&area);
}

static void test_child_outlives_parent(void)
{
	int *passed = shared_alloc(sizeof(*passed));
	pid_t pid = fork_child();

	if (!pid) {
		struct area area = secret_area(SIZE);
		int pipe_fds[2];
		char byte;

		if (pipe(pipe_fds))
			_exit(1);
		mark_fill_pages(area.start, NR_PAGES, 4);
		if (fork())
			_exit(0);
		close(pipe_fds[1]);
		/* End of file: the process that made the secret is gone. */
		if (read(pipe_fds[0], &byte, 1))
			_exit(1);
		*passed = mark_count_wrong_pages(area.start, NR_PAGES, 4) ?
			  -1 : 1;
		_exit(0);
	}
	wait_child(pid);
	for (int i = 0; !*(volatile int *)passed && i < 1000; i++)
		usleep(10000);
	ktap_ok(*passed == 1, "a child keeps the secret when its maker ends");
}

/* Run this program again with a descriptor to look at. */
static int exec_with_fd(int fd, const char *task)
{
	char number[16];
	pid_t pid = fork_child();

	if (!pid) {
		number[0] = (char)('0' + fd / 10);
		number[1] = (char)('0' + fd % 10);
		number[2] = 0;
		execl("/proc/self/exe", "fork", task, number, NULL);
		_exit(99);
	}
	return wait_child(pid);
}

static void test_exec(void)
{
	int kept = secret_create_sized(SIZE);
	int dropped = secret_create(O_CLOEXEC);
	void *memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
			    kept, 0);

	if (memory == MAP_FAILED)
		die_errno("mmap");
	mark_fill_pages(memory, NR_PAGES, 5);
	ktap_ok(child_passed(exec_with_fd(kept, "kept")),
		"a descriptor survives exec, with its contents");
	ktap_ok(child_passed(exec_with_fd(dropped, "dropped")),
		"a descriptor made with O_CLOEXEC does not");
	ktap_ok(child_passed(exec_with_fd(kept, "unmapped")),
		"no mapping survives exec");
}

static bool has_mapping(void)
{
	char line[4096];
	ssize_t n;
	int fd = open("/proc/self/maps", O_RDONLY);

	if (fd < 0)
		die_errno("/proc/self/maps");
	while ((n = read(fd, line, sizeof(line) - 1)) > 0) {
		line[n] = 0;
		if (strstr(line, "secretmem"))
			return true;
	}
	return false;
}

/* The program that exec runs. */
static int run_task(const char *task, int fd)
{
	void *memory;

	if (!strcmp(task, "dropped"))
		return fcntl(fd, F_GETFD) >= 0 || errno != EBADF;
	if (!strcmp(task, "unmapped"))
		return has_mapping();
	memory = mmap(NULL, SIZE, PROT_READ, MAP_SHARED, fd, 0);
	return memory == MAP_FAILED ||
	       mark_count_wrong_pages(memory, NR_PAGES, 5);
}

int main(int argc, char **argv)
{
	if (argc == 3)
		return run_task(argv[1], (int)parse_number(argv[2]));
	ktap_plan(7);
	test_child_sees_parent();
	test_parent_sees_child();
	test_child_killed();
	test_child_outlives_parent();
	test_exec();
	return ktap_finish();
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * RLIMIT_MEMLOCK bounds the secret memory of a user, page by page as it is
 * touched: the first touch beyond it gives SIGBUS, and closing gives it back.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "area.h"
#include "ktap.h"

#define SIZE		(16 * MIB)
#define USER		1000

static volatile u64 *nr_touched;	/* shared with the children */

static void touch(struct area *area, size_t stride)
{
	for (size_t i = 0; i < area_nr_pages(area); i += stride) {
		*area_page(area, i) = 1;
		*nr_touched += 1;
	}
}

/*
 * A child with this limit touches a page in every @stride until it dies: is it
 * killed at the first touch beyond?
 */
static bool limit_holds(u64 nr_pages, size_t stride, bool other_user)
{
	pid_t pid;
	int status;

	*nr_touched = 0;
	pid = fork_child();
	if (!pid) {
		struct area area;

		limit_locked_memory(nr_pages * PAGE_SIZE);
		if (other_user && (setgid(USER) || setuid(USER)))
			die_errno("setuid");
		area = secret_area(SIZE);
		touch(&area, stride);
		_exit(0);
	}
	status = wait_child(pid);
	if (child_killed_by(status, SIGBUS) && *nr_touched == nr_pages)
		return true;
	ktap_note("limit of %lu pages: %lu touched, status %x", nr_pages,
		  *nr_touched, status);
	return false;
}

/* A file that was closed counts no more: the limit is free for the next. */
static bool closing_gives_back(u64 nr_pages)
{
	pid_t pid;

	*nr_touched = 0;
	pid = fork_child();
	if (!pid) {
		limit_locked_memory(nr_pages * PAGE_SIZE);
		for (int i = 0; i < 4; i++) {
			struct area area = secret_area(nr_pages * PAGE_SIZE);

			touch(&area, 1);
			area_destroy(&area);
		}
		_exit(0);
	}
	return child_passed(wait_child(pid)) && *nr_touched == 4 * nr_pages;
}

/* The limit is the user's, not the process's. */
static bool processes_share_it(u64 nr_pages)
{
	pid_t pid;
	int status;

	*nr_touched = 0;
	pid = fork_child();
	if (!pid) {
		struct area first, second;

		limit_locked_memory(nr_pages * PAGE_SIZE);
		if (setgid(USER) || setuid(USER))
			die_errno("setuid");
		first = secret_area(nr_pages / 2 * PAGE_SIZE);
		touch(&first, 1);
		pid = fork();
		second = secret_area(SIZE);
		if (!pid)
			touch(&second, 1);
		status = wait_child(pid);
		_exit(!child_killed_by(status, SIGBUS));
	}
	return child_passed(wait_child(pid)) && *nr_touched == nr_pages;
}

int main(void)
{
	ktap_plan(8);
	nr_touched = shared_alloc(sizeof(*nr_touched));
	ktap_ok(limit_holds(16, 1, false), "root, 64 KiB");
	ktap_ok(limit_holds(16, 1, true), "another user, 64 KiB");
	ktap_ok(limit_holds(2048, 1, true), "another user, 8 MiB");
	ktap_ok(limit_holds(2048 - 7, 1, true), "a limit that is no whole block");
	ktap_ok(limit_holds(100, 17, true), "scattered touches count one by one");
	ktap_ok(limit_holds(0, 1, true), "a limit of 0");
	ktap_ok(closing_gives_back(64), "closing gives the limit back");
	ktap_ok(processes_share_it(64), "processes of a user share it");
	return ktap_finish();
}

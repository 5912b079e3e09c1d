// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory blocks: what can be taken offline and online.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kfile.h"
#include "ktap.h"
#include "memblock.h"

#define MEMORY_DIR	"/sys/devices/system/memory"
#define OFFLINE_SECONDS	120	/* many times what it takes */
#define NR_BLOCKS_MAX	1024	/* beyond the memory of any guest of ours */

u64 memblock_nr_pages(void)
{
	static u64 nr_pages;

	if (!nr_pages)
		nr_pages = kfile_number(MEMORY_DIR "/block_size_bytes", 16) /
			   PAGE_SIZE;
	return nr_pages;
}

static int set_state(u64 block, const char *state)
{
	char path[80];

	snprintf(path, sizeof(path), MEMORY_DIR "/memory%lu/state", block);
	return kfile_write(path, state);
}

static void interrupt_write(int sig)
{
	(void)sig;
}

/*
 * The kernel tries for ever to move what does not, until a signal comes. It begins
 * only where nothing of the kind is, but a page that is just being handed out looks
 * free to it.
 */
int memblock_offline(u64 block)
{
	struct sigaction interrupt = { .sa_handler = interrupt_write };
	int error;

	if (sigaction(SIGALRM, &interrupt, NULL))
		die_errno("sigaction");
	alarm(OFFLINE_SECONDS);
	error = set_state(block, "offline");
	alarm(0);
	return error;
}

int memblock_online(u64 block)
{
	return set_state(block, "online");
}

u64 memblock_find_movable(void)
{
	for (u64 block = NR_BLOCKS_MAX; block--;) {
		int error = memblock_offline(block);

		if (error == ENOENT)
			continue;
		ktap_note("memory block %lu: %s", block,
			  error ? strerror(error) : "goes offline");
		if (error)
			continue;
		error = memblock_online(block);
		if (error)
			die(EXIT_FAILED, "memory block %lu does not come back: %s",
			    block, strerror(error));
		return block;
	}
	die(EXIT_FAILED, "no memory block goes offline");
}

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Suspends to a disk, and what must be as before when a guest has been resumed.
 */
#ifndef GUEST_LIB_SUSPEND_H
#define GUEST_LIB_SUSPEND_H

#include "area.h"

#define DISK		"/dev/vda"	/* swap, made by the host */
#define STATE		"/sys/power/state"
#define MODE		"/sys/power/disk"
#define SWITCH		"/proc/sys/vm/unmapped_alloc"

#define SECRET_BYTES	(8 * MIB)
/* Known to tests/hibernate, which looks for these marks in images. */
#define SEED_WORLD	100
#define SEED_SECRET	200

/* From here on stdout is kept in memory, and written when the program ends. */
void suspend_keep_output(void);

/* Into the kernel's log, where it stands between the kernel's own lines. */
void suspend_say(const char *text);

/* Choose the way down, and where the image goes. */
void suspend_prepare(void);

/*
 * Try to hibernate; 0 once we are back, or the error. The image holds the CPUs'
 * entry stacks, and tests/hibernate looks for marks in it.
 */
int suspend_try(void);
const char *suspend_error(int error);

/* Does the kernel offer it? */
bool suspend_offered(void);

/* Are blocks unmapped at present? */
bool unmaps_blocks(void);

size_t area_count_nonzero(const struct area *area);
size_t area_count_wrong(const struct area *area, u64 seed);

void secret_take_and_drop(size_t size);
/* Leave free unmapped blocks, or die: the case that needs them shows nothing. */
void secret_leave_blocks(void);

/* Four results: secrets are what they must be, and blocks flip. */
#define NR_SECRET_CHECKS	4
void secret_check_new(long nr_flips);

/* What is there before, and must be there afterwards. */
struct world {
	struct area memory[3];
	long nr_flips;
	long nr_take_backs;
	long nr_free_blocks;
	bool blocks_in_use;	/* some, and so with free pages among others */
	long kb_4k;
	char switched[8];
};

extern struct world world;

void world_fill(void);
void world_note(void);

/* Three results. */
void world_check_memory(void);

/*
 * Two results. Nobody has taken a secret since the image was made, so that what the
 * lists hold now is what they held then. Blocks that are partly in use stay, where
 * there are any.
 */
void world_check_mapped_back(void);

/* The results of one suspend that came back with @error. */
#define NR_RESUME_CHECKS	(3 + 5 + NR_SECRET_CHECKS + 1)
void world_check_resumed(int error);

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Processes that make each CPU read all of RAM through the direct map, so that
 * its TLB is full of it while blocks are unmapped, and that then look whether
 * any CPU still reads what is in secret memory: a translation that outlived its
 * flush would show it.
 *
 * Several processes a CPU, since a CPU with PCID keeps translations of several
 * address spaces, each of which has to be flushed.
 */
#ifndef UNMAPPED_READERS_H
#define UNMAPPED_READERS_H

#include "secret.h"

struct readers;

struct readers_result {
	unsigned int nr_cpus;	/* on which a reader ran to its end */
	u64 nr_reads;		/* of secret pages */
	u64 nr_seen;		/* that showed the contents */
	unsigned int nr_blind;	/* readers that did not see the ordinary page */
};

/* Start them, and wait until each has read all of RAM once; NULL and *@why if not. */
struct readers *readers_start(size_t nr_pages_max, const char **why);

/*
 * Have each look for the marks of @secret, and of an ordinary page for a control;
 * ends them.
 */
struct readers_result readers_finish(struct readers *readers, const struct secret *secret);

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's log, record by record: "PRIORITY,NUMBER,TIME,-;TEXT\n".
 */
#ifndef GUEST_LIB_KMSG_H
#define GUEST_LIB_KMSG_H

#include "util.h"

#define KMSG_BYTES	8192	/* of a record, at most */

/* A descriptor to read from: what comes from now on, or all of it. */
int kmsg_open(bool from_now);

/* The next record; waits for it. Empty where records were overwritten. */
void kmsg_read(int fd, char record[KMSG_BYTES]);

/* Is there one? */
bool kmsg_more(int fd);

/* How many of those that are there hold @text? Closes @fd. */
int kmsg_count(int fd, const char *text);

/*
 * How many lines of all the log begin with @start and hold @text behind it, "" for
 * any? A line's text ends with a newline.
 */
int kmsg_count_lines(const char *start, const char *text);

#endif

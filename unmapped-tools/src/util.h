/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What every file here needs: integer types, messages, exit codes, numbers out
 * of text, and a string that grows.
 */
#ifndef UNMAPPED_UTIL_H
#define UNMAPPED_UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint64_t u64;

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define KIB		1024UL
#define MIB		(1024UL * KIB)
#define PAGE_BYTES	4096UL
#define PAGE_KB		4UL

#define TOOLS_VERSION	"1"

enum {
	EXIT_OK		= 0,
	EXIT_FAILED	= 1,	/* a check failed */
	EXIT_USAGE	= 2,
	EXIT_CANNOT	= 4,	/* nothing could be shown or checked */
};

/* A number that a kernel may not have, or that we may not see. */
struct amount {
	bool known;
	u64 value;
};

/* "PROGRAM: error: ..." on stderr, and the end. */
void die(int code, const char *fmt, ...) __attribute__((noreturn, format(printf, 2, 3)));

/* These die when there is no memory. */
void *xcalloc(size_t nr, size_t size);
void *xrealloc(void *old, size_t nr, size_t size);

/*
 * The digits at @text, base 10 or 16; false where there are none, or too many
 * for 64 bits. @end, which may be NULL, is set behind them.
 */
bool parse_number(const char *text, unsigned int base, u64 *value, const char **end);

/* @text as a whole is a decimal number from @low to @high. */
bool parse_whole_number(const char *text, u64 low, u64 high, u64 *value);

/* Copy at most @size - 1 bytes; what a terminal would take for a command becomes '?'. */
void copy_printable(char *to, const char *from, size_t size);

/* A string that grows; always ends in a NUL once something was added. */
struct string {
	char *text;
	size_t length, room;
};

void string_add(struct string *string, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void string_add_bytes(struct string *string, const void *bytes, size_t size);
void string_free(struct string *string);

#endif

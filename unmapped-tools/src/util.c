// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"

void die(int code, const char *fmt, ...)
{
	va_list args;

	fflush(stdout);
	fprintf(stderr, "%s: error: ", program_invocation_short_name);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	exit(code);
}

void *xcalloc(size_t nr, size_t size)
{
	void *new = calloc(nr ? nr : 1, size);

	if (!new)
		die(EXIT_CANNOT, "out of memory");
	return new;
}

void *xrealloc(void *old, size_t nr, size_t size)
{
	void *new = reallocarray(old, nr, size);

	if (!new)
		die(EXIT_CANNOT, "out of memory");
	return new;
}

static unsigned int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned int)(c - '0');
	if (c >= 'a' && c <= 'f')
		return (unsigned int)(c - 'a') + 10;
	if (c >= 'A' && c <= 'F')
		return (unsigned int)(c - 'A') + 10;
	return 16;
}

bool parse_number(const char *text, unsigned int base, u64 *value, const char **end)
{
	u64 sum = 0;
	const char *at = text;

	for (; digit_of(*at) < base; at++)
		if (__builtin_mul_overflow(sum, base, &sum) ||
		    __builtin_add_overflow(sum, digit_of(*at), &sum))
			return false;
	if (at == text)
		return false;
	*value = sum;
	if (end)
		*end = at;
	return true;
}

bool parse_whole_number(const char *text, u64 low, u64 high, u64 *value)
{
	const char *end;

	return parse_number(text, 10, value, &end) && !*end && *value >= low && *value <= high;
}

void copy_printable(char *to, const char *from, size_t size)
{
	size_t i;

	for (i = 0; i + 1 < size && from[i]; i++)
		to[i] = from[i] >= ' ' && from[i] <= '~' ? from[i] : '?';
	to[i] = '\0';
}

static void string_grow(struct string *string, size_t more)
{
	size_t need = string->length + more + 1;

	if (need <= string->room)
		return;
	string->room = need > 2 * string->room ? need : 2 * string->room;
	string->text = xrealloc(string->text, string->room, 1);
}

void string_add_bytes(struct string *string, const void *bytes, size_t size)
{
	string_grow(string, size);
	if (size)
		memcpy(string->text + string->length, bytes, size);
	string->length += size;
	string->text[string->length] = '\0';
}

void string_add(struct string *string, const char *fmt, ...)
{
	va_list args;
	int length;

	va_start(args, fmt);
	length = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	if (length < 0)
		die(EXIT_CANNOT, "cannot format a line");
	string_grow(string, (size_t)length);
	va_start(args, fmt);
	vsnprintf(string->text + string->length, (size_t)length + 1, fmt, args);
	va_end(args);
	string->length += (size_t)length;
}

void string_free(struct string *string)
{
	free(string->text);
	memset(string, 0, sizeof(*string));
}

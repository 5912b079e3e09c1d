/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Small things that every guest program needs: sizes, fatal errors, numbers
 * from the command line, a pseudo-random sequence that repeats.
 */
#ifndef GUEST_LIB_UTIL_H
#define GUEST_LIB_UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

typedef uint64_t u64;
typedef uint32_t u32;

#define PAGE_SIZE	4096UL
#define BLOCK_BYTES	(2UL << 20)
#define WORDS_PER_PAGE	(PAGE_SIZE / sizeof(u64))
#define KIB		(1UL << 10)
#define MIB		(1UL << 20)
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/* Exit codes, the same as those of the tools on the host. */
enum {
	EXIT_PASSED = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_CANNOT_RUN = 4,
};

/* Print "PROGRAM: message: strerror(errno)" and leave with EXIT_FAILED. */
void die_errno(const char *fmt, ...)
	__attribute__((noreturn, format(printf, 1, 2)));
/* Print "PROGRAM: message" and leave with @status. */
void die(int status, const char *fmt, ...)
	__attribute__((noreturn, format(printf, 2, 3)));

/* A number with an optional suffix K, M or G; anything else is wrong use. */
u64 parse_number(const char *text);

/* The next of a sequence that @state, the seed, fixes (splitmix64). */
u64 next_random(u64 *state);

u64 now_ns(void);

/* Write @text to a file of the kernel's; dies if it is refused. */
void write_file(const char *path, const char *text);

/*
 * No page waits in a batch of some CPU after this. Pages there do not move and are not
 * free yet, and they stay as long as that CPU has nothing else to do. Clean page cache
 * is dropped as well.
 */
void drain_lru_batches(void);

/* Keep the calling process on @cpu. */
void pin_to_cpu(int cpu);
/* Let it run on each CPU again. */
void unpin(void);
int nr_cpus_online(void);

/* The process may lock so many bytes, as it does with secrets, for good. */
void limit_locked_memory(size_t bytes);

/* Memory that stays shared with children of fork(); zeroed. */
void *shared_alloc(size_t size);

/* fork() that dies on failure; the child goes when its parent goes. */
pid_t fork_child(void);
/* The wait status of @pid. */
int wait_child(pid_t pid);
/* Did the child with this wait status leave by exit(0)? */
bool child_passed(int status);
/* Did it die of @sig? */
bool child_killed_by(int status, int sig);

#endif

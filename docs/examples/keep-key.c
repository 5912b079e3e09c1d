// SPDX-License-Identifier: GPL-2.0-only
/*
 * keep-key: a key that only this process can read, in secret memory.
 *
 * The first line of stdin is the key; of each further line it says whether it is
 * the key. Build: gcc -O2 -o keep-key keep-key.c
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_memfd_secret
#define SYS_memfd_secret	447
#endif

#define SIZE	4096

static sigjmp_buf no_page;

static void on_sigbus(int signal)
{
	(void)signal;
	siglongjmp(no_page, 1);
}

static void explain_sigbus(void)
{
	struct rlimit limit;

	if (!getrlimit(RLIMIT_MEMLOCK, &limit) && limit.rlim_cur != RLIM_INFINITY)
		fprintf(stderr, "no secret page: the limit on locked memory is %lu kB for all "
			"processes of this user (ulimit -l, LimitMEMLOCK=)\n",
			(unsigned long)limit.rlim_cur / 1024);
	else
		fprintf(stderr, "no secret page: no block is to be had, and vm.unmapped_fallback is 0\n");
}

/* SIZE bytes of secret memory that are really there; NULL with a line why. */
static char *secret_new(void)
{
	struct sigaction action = { .sa_handler = on_sigbus }, before;
	int fd = (int)syscall(SYS_memfd_secret, O_CLOEXEC);
	char *secret;

	if (fd < 0) {
		fprintf(stderr, "memfd_secret: %s%s\n", strerror(errno), errno == ENOSYS ?
			" (secretmem.enable=1, CONFIG_SECRETMEM)" : errno == EPERM ?
			" (a seccomp filter, as containers have)" : "");
		return NULL;
	}
	if (ftruncate(fd, SIZE)) {
		perror("ftruncate");
		return NULL;
	}
	secret = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);		/* the mapping keeps the memory */
	if (secret == MAP_FAILED) {
		perror("mmap");
		return NULL;
	}
	/* A child would share the key, not copy it. */
	madvise(secret, SIZE, MADV_DONTFORK);
	/* The page comes with its first touch: better to fail now than later. */
	sigaction(SIGBUS, &action, &before);
	if (sigsetjmp(no_page, 1)) {
		explain_sigbus();
		return NULL;
	}
	*(volatile char *)secret = 0;
	sigaction(SIGBUS, &before, NULL);
	return secret;
}

/*
 * read(2) puts the bytes straight into secret memory: stdio would keep a copy in
 * its buffer. Returns the length, -1 at the end.
 */
static int read_line(char *line)
{
	int length = 0;

	while (length < SIZE && read(STDIN_FILENO, line + length, 1) == 1) {
		if (line[length] == '\n')
			return length;
		length++;
	}
	return length ? length : -1;
}

/* Takes as long for every answer. */
static bool is_same(const char *a, const char *b, int length)
{
	unsigned char difference = 0;

	for (int i = 0; i < length; i++)
		difference |= (unsigned char)(a[i] ^ b[i]);
	return !difference;
}

int main(void)
{
	static char line[SIZE];
	char *key;
	int key_length, length;

	/* No core dump, and no other process of this user reads our memory. */
	prctl(PR_SET_DUMPABLE, 0);
	key = secret_new();
	if (!key)
		return 4;
	key_length = read_line(key);
	while ((length = read_line(line)) >= 0)
		puts(length == key_length && is_same(key, line, length) ? "yes" : "no");
	munmap(key, SIZE);	/* the kernel clears the page now */
	return 0;
}

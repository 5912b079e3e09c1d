// SPDX-License-Identifier: GPL-2.0-only
/*
 * holder NAME MIB COMMAND [ARG]...
 *
 * A process called NAME holds MIB of secret memory, and another file of it open,
 * while COMMAND runs, which inherits the file; ends with COMMAND's status. \e in NAME is an escape.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "secret.h"

#ifndef SYS_memfd_secret
#define SYS_memfd_secret	447
#endif

static void set_name(char *name)
{
	char *escape = strstr(name, "\\e");

	if (escape) {
		*escape = '\033';
		memmove(escape + 1, escape + 2, strlen(escape + 2) + 1);
	}
	prctl(PR_SET_NAME, name);	/* cannot fail: long names are cut */
}

int main(int argc, char **argv)
{
	struct secret secret;
	int status;
	pid_t pid;
	u64 mib;

	if (argc < 4 || !parse_whole_number(argv[2], 1, 1024, &mib))
		die(EXIT_USAGE, "usage: holder NAME MIB COMMAND [ARG]...");
	set_name(argv[1]);
	if (syscall(SYS_memfd_secret, 0) < 0 ||
	    !secret_create(&secret, KIND_SECRET, mib * (MIB / PAGE_BYTES)))
		die(EXIT_CANNOT, "memfd_secret: %s", strerror(errno));
	if (secret_fill(&secret).nr_touched < secret.nr_pages)
		die(EXIT_CANNOT, "no %lu MiB of secret memory", mib);
	pid = fork();
	if (!pid) {
		execvp(argv[3], argv + 3);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		die(EXIT_CANNOT, "cannot run %s: %s", argv[3], strerror(errno));
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * unmappedtop --check. The version of the package that the running kernel came
 * from stands in the kernel itself; what Debian has is what apt last heard of.
 * Nothing here goes to the network.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "kfile.h"

#define VERSION_LENGTH	128
#define OUTPUT_LENGTH	4096	/* of apt-cache: the candidate is in its third line */
#define MARK		"+unmapped"
#define VERSION_CHARS	"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.+~:-"

extern char **environ;

/* Run argv[0] with the first bytes of its output in @out; its exit status, or -1. */
static int run_program(char *const argv[], char *out, size_t size)
{
	posix_spawn_file_actions_t actions;
	size_t length = 0;
	int fds[2], status;
	char rest[512];
	ssize_t got;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC))
		return -1;
	/* These fail only without memory; then the program's output goes missing. */
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, fds[1], STDOUT_FILENO);
	posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	status = posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	close(fds[1]);
	if (!status) {
		while ((got = read(fds[0], rest, sizeof(rest))) > 0) {
			size_t room = size - 1 - length;

			if ((size_t)got < room)
				room = (size_t)got;
			memcpy(out + length, rest, room);
			length += room;
		}
	}
	out[length] = '\0';
	close(fds[0]);
	if (status || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

/*
 * The version of the running kernel's package. Debian's kernels say it in `uname
 * -v`; ours have its revision there, and the rest in `uname -r`:
 *   "#1 SMP PREEMPT_DYNAMIC Debian 6.12.117-1 (2026-11-11)"
 *   "#1~deb12u1+unmapped1 SMP PREEMPT_DYNAMIC Wed Nov 25 ..."
 */
static bool running_version(char *version, const char *release)
{
	char text[256], *at = text, *word;

	if (!kfile_read_line("/proc/sys/kernel/version", text, sizeof(text)))
		return false;
	word = strstr(text, " Debian ");
	if (word) {
		at = word + strlen(" Debian ");
		word = next_word(&at);
		snprintf(version, VERSION_LENGTH, "%s", word ? word : "");
	} else {
		word = next_word(&at);
		if (!word || *word != '#' || !strstr(word, MARK))
			return false;
		snprintf(version, VERSION_LENGTH, "%.*s-%s", (int)strspn(release, "0123456789."),
			 release, word + 1);
	}
	return *version && !version[strspn(version, VERSION_CHARS)];
}

/* What apt would install of @package; false where it knows none. */
static bool candidate(char *version, char *package)
{
	char *const argv[] = { "apt-cache", "policy", package, NULL };
	char out[OUTPUT_LENGTH], *line, *next = out;

	if (run_program(argv, out, sizeof(out)))
		return false;
	while ((line = strsep(&next, "\n"))) {
		char *word = next_word(&line);

		if (!word || strcmp(word, "Candidate:"))
			continue;
		word = next_word(&line);
		snprintf(version, VERSION_LENGTH, "%s", word ? word : "");
		return *version && !version[strspn(version, VERSION_CHARS)];
	}
	return false;
}

static bool is_newer(char *version, char *than)
{
	char *const argv[] = { "dpkg", "--compare-versions", version, "gt", than, NULL };
	char out[1];
	int status = run_program(argv, out, sizeof(out));

	if (status != 0 && status != 1)
		die(EXIT_CANNOT, "cannot run dpkg to compare %s with %s", version, than);
	return !status;
}

/* When apt last heard something new, for people: "" where that is not known. */
static void date_of_lists(char *text, size_t size)
{
	char *path = kfile_path("/var/lib/apt/lists");
	struct stat st;
	struct tm tm;

	*text = '\0';
	if (!stat(path, &st) && localtime_r(&st.st_mtime, &tm))
		strftime(text, size, ", by apt's lists of %F", &tm);
	free(path);
}

int check_kernel(void)
{
	char release[VERSION_LENGTH], running[VERSION_LENGTH], debian[VERSION_LENGTH];
	char package[VERSION_LENGTH], base[VERSION_LENGTH], date[64], *mark;
	unsigned int major, minor;
	bool newer;

	if (!kfile_read_line("/proc/sys/kernel/osrelease", release, sizeof(release)) ||
	    sscanf(release, "%u.%u", &major, &minor) != 2 || !running_version(running, release))
		die(EXIT_CANNOT, "the running kernel is of no package of Debian's or ours");
	snprintf(package, sizeof(package), "linux-source-%u.%u", major, minor);
	/* The apt of other languages would have another word. */
	setenv("LC_ALL", "C.UTF-8", 1);
	if (!candidate(debian, package))
		die(EXIT_CANNOT, "apt knows no %s: try apt-get update", package);
	strcpy(base, running);
	mark = strstr(base, MARK);
	if (mark)
		*mark = '\0';
	newer = is_newer(debian, base);
	date_of_lists(date, sizeof(date));
	if (newer)
		printf("newer: Debian has %s, %s runs%s\n", debian, running, date);
	else
		printf("none newer: Debian has %s, %s runs%s\n", debian, running, date);
	return newer ? EXIT_FAILED : EXIT_OK;
}

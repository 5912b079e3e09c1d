// SPDX-License-Identifier: GPL-2.0-only
/*
 * mutate ROOT WORKDIR ROUNDS [SEED]
 *
 * Reads what is recorded below ROOT, changed by chance in each round: cut, bytes
 * and lines changed, repeated, left out. No reader may crash (the sanitizers
 * watch) or hang: each round ends well, or with one error.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kcore.h"
#include "kfile.h"
#include "map_draw.h"
#include "report.h"
#include "view.h"

#define NR_FILES_MAX	100
#define ROUND_S		60

static struct {
	char *path;		/* below the root, "/proc/..." */
	struct string text;
} files[NR_FILES_MAX];

static size_t nr_files, root_length;
static u64 state;

/* xorshift: the same rounds everywhere. */
static u64 chance(u64 below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state % below;
}

static int load(const char *path, const struct stat *st, int type)
{
	struct kfile file;

	if (type != FTW_F || !S_ISREG(st->st_mode) || nr_files == NR_FILES_MAX)
		return 0;
	kfile_set_root("");
	if (!kfile_read(&file, path))
		die(EXIT_CANNOT, "%s: %s", path, strerror(errno));
	files[nr_files].path = strdup(path + root_length);
	string_add_bytes(&files[nr_files++].text, file.text, file.size);
	kfile_free(&file);
	return 0;
}

static void make_parents(char *path)
{
	for (char *at = path; (at = strchr(at + 1, '/'));) {
		*at = '\0';
		mkdir(path, 0755);	/* EEXIST; or the open below fails */
		*at = '/';
	}
}

static void mutate_bytes(struct string *text)
{
	static const char * const words[] = {
		"18446744073709551615", "99999999999999999999999", "-1", "0x", " ", "\n", "Node ",
		"0xffffffffffffffff-0x0", "---[ ", "\xff\xff\xff\xff", "", ")", ":",
	};
	u64 at = text->length ? chance(text->length) : 0;
	const char *word;

	switch (chance(6)) {
	case 0:		/* cut */
		text->length = at;
		break;
	case 1:		/* a bit */
		if (text->length)
			text->text[at] ^= (char)(1 << chance(8));
		break;
	case 2:		/* something left out */
		if (text->length) {
			u64 nr = chance(text->length - at) + 1;

			memmove(text->text + at, text->text + at + nr, text->length - at - nr);
			text->length -= nr;
		}
		break;
	case 3:		/* the rest once more, later on */
		if (text->length < MIB) {
			char *copy = strndup(text->text + at, text->length - at);

			string_add(text, "%s", copy ? copy : "");
			free(copy);
		}
		break;
	default:	/* a word over what is there */
		word = words[chance(ARRAY_SIZE(words))];
		for (u64 i = 0; word[i] && at + i < text->length; i++)
			text->text[at + i] = word[i];
	}
}

static void write_round(const char *dir)
{
	for (size_t i = 0; i < nr_files; i++) {
		struct string text = { };
		char *path;
		FILE *file;

		string_add_bytes(&text, files[i].text.text, files[i].text.length);
		for (u64 nr = chance(4); nr; nr--)
			mutate_bytes(&text);
		if (asprintf(&path, "%s%s", dir, files[i].path) < 0)
			die(EXIT_CANNOT, "out of memory");
		make_parents(path);
		file = fopen(path, "we");
		if (!file || fwrite(text.text, 1, text.length, file) != text.length ||
		    fclose(file))
			die(EXIT_CANNOT, "%s: %s", path, strerror(errno));
		free(path);
		string_free(&text);
	}
}

static void read_all(void)
{
	static const struct options opt = { .unit = 'K', .timestamp = true };
	struct snapshot before, now;
	FILE *null = fopen("/dev/null", "we");
	struct string out = { };
	struct kcore kcore;
	const char *why;
	struct view view;
	struct map map;
	u64 word;

	if (kcore_open(&kcore, &why)) {
		kcore_word(&kcore, 0, &word);
		kcore_close(&kcore);
	}
	snapshot_take(&before);
	snapshot_take(&now);
	view_build(&view, &now, &before, &opt);
	report_kv(&out, &now, &opt);
	report_header(&out, &opt);
	report_line(&out, &now, &before, &opt);
	view_free(&view);
	snapshot_free(&before);
	snapshot_free(&now);
	map_read(&map);
	map_draw_text(&map, &out, 80, 64, true);
	if (null) {
		map_draw_png(&map, null, "changed by chance");
		fclose(null);
	}
	map_free(&map);
	string_free(&out);
}

/* The status that the round ends with. */
static int run_round(const char *dir)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid < 0)
		die(EXIT_CANNOT, "fork: %s", strerror(errno));
	if (!pid) {
		int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

		alarm(ROUND_S);
		/* die() speaks; the sanitizers write to fd 2 as well, see the status then. */
		if (getenv("QUIET") && null >= 0)
			dup2(null, STDERR_FILENO);
		kfile_set_root(dir);
		read_all();
		exit(EXIT_OK);
	}
	if (waitpid(pid, &status, 0) != pid)
		die(EXIT_CANNOT, "waitpid: %s", strerror(errno));
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(int argc, char **argv)
{
	u64 nr_rounds, nr_errors = 0;

	if (argc < 4 || !parse_whole_number(argv[3], 1, 1000000, &nr_rounds))
		die(EXIT_USAGE, "usage: mutate ROOT WORKDIR ROUNDS [SEED]");
	root_length = strlen(argv[1]);
	if (ftw(argv[1], load, 20) || !nr_files)
		die(EXIT_CANNOT, "nothing below %s", argv[1]);
	for (u64 i = 0; i < nr_rounds; i++) {
		u64 seed = argc > 4 ? strtoull(argv[4], NULL, 10) : i + 1;
		int status;

		state = seed * 0x9e3779b97f4a7c15ULL;
		write_round(argv[2]);
		status = run_round(argv[2]);
		nr_errors += status == EXIT_CANNOT;
		if (status != EXIT_OK && status != EXIT_CANNOT)
			die(EXIT_FAILED, "round with seed %lu ended with %d", seed, status);
	}
	printf("%lu rounds on %zu files, %lu ended with an error\n", nr_rounds, nr_files,
	       nr_errors);
	return EXIT_OK;
}

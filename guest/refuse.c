// SPDX-License-Identifier: GPL-2.0-only
/*
 * Nobody but its owner reads secret memory through the kernel: ptrace,
 * process_vm_readv, /proc/PID/mem, pinning for vmsplice, direct I/O and
 * io_uring, and collapsing are refused with stock's errors, and /proc/kcore does not show it.
 * Each refusal stands beside the same request on ordinary memory, which works.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <linux/loop.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "area.h"
#include "dmap.h"
#include "ktap.h"
#include "mark.h"
#include "pagemap.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE	25
#endif
#define NR_PAGES	4
#define DISK		"/dev/loop0"

static struct area secret, ordinary;

/* The error of a call that returned @result; 0 if it did not fail. */
static int error_of(long result)
{
	return result < 0 ? errno : 0;
}

static int error_of_ptrace(pid_t pid, const struct area *area)
{
	errno = 0;
	ptrace(PTRACE_PEEKDATA, pid, area->start, NULL);
	return errno;
}

static int error_of_poke(pid_t pid, const struct area *area)
{
	/* Back to what it holds, so that nothing changes where it works. */
	return error_of(ptrace(PTRACE_POKEDATA, pid, area->start,
			       *area_page(area, 0)));
}

static int error_of_vm_readv(pid_t pid, const struct area *area)
{
	u64 word;
	struct iovec local = { &word, sizeof(word) };
	struct iovec remote = { area->start, sizeof(word) };

	return error_of(process_vm_readv(pid, &local, 1, &remote, 1, 0));
}

static int error_of_vm_writev(pid_t pid, const struct area *area)
{
	u64 word = *area_page(area, 0);
	struct iovec local = { &word, sizeof(word) };
	struct iovec remote = { area->start, sizeof(word) };

	return error_of(process_vm_writev(pid, &local, 1, &remote, 1, 0));
}

static int error_of_proc_mem(pid_t pid, const struct area *area)
{
	char path[32];
	u64 word;
	int fd, error;

	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		die_errno("%s", path);
	error = error_of(pread(fd, &word, sizeof(word), (off_t)area->start));
	close(fd);	/* read only: nothing can be lost */
	return error;
}

/* From outside: a debugger that has stopped a child which shares the memory. */
static void test_other_process(void)
{
	static const struct {
		const char *name;
		int (*error_of)(pid_t pid, const struct area *area);
		int expected;
	} ways[] = {
		{ "ptrace PEEKDATA", error_of_ptrace, EIO },
		{ "ptrace POKEDATA", error_of_poke, EIO },
		{ "process_vm_readv", error_of_vm_readv, EFAULT },
		{ "process_vm_writev", error_of_vm_writev, EFAULT },
		{ "/proc/PID/mem", error_of_proc_mem, EIO },
	};
	pid_t pid = fork_child();
	int status;

	if (!pid) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		_exit(0);
	}
	if (waitpid(pid, &status, 0) < 0 || !WIFSTOPPED(status))
		die_errno("the child did not stop");
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		int error = ways[i].error_of(pid, &secret);
		int control = ways[i].error_of(pid, &ordinary);

		ktap_ok(error == ways[i].expected && !control,
			"%s of a secret: %s, of ordinary memory: %s",
			ways[i].name, strerror(error), strerror(control));
	}
	kill(pid, SIGKILL);	/* cannot fail: our child, not waited for yet */
	wait_child(pid);
}

static int error_of_vmsplice(const struct area *area)
{
	struct iovec page = { area->start, PAGE_SIZE };
	int fds[2], error;

	if (pipe(fds))
		die_errno("pipe");
	error = error_of(vmsplice(fds[1], &page, 1, 0));
	close(fds[0]);
	close(fds[1]);
	return error;
}

/* A block device: a loop device on a file in memory. */
static void make_disk(void)
{
	int file = memfd_create("disk", 0);
	int disk = open(DISK, O_RDWR);

	if (file < 0 || ftruncate(file, MIB))
		die_errno("memfd_create");
	if (disk < 0 || ioctl(disk, LOOP_SET_FD, file))
		die_errno(DISK);
	close(file);	/* the device holds both */
	close(disk);
}

static int open_disk(void)
{
	int fd = open(DISK, O_RDWR | O_DIRECT);

	if (fd < 0)
		die_errno(DISK);
	return fd;
}

static void drop_disk(void)
{
	int fd = open(DISK, O_RDWR);

	if (fd < 0 || ioctl(fd, LOOP_CLR_FD))
		die_errno(DISK);
	close(fd);	/* nothing in it matters */
}

static int error_of_direct_write(const struct area *area)
{
	int fd = open_disk();
	int error = error_of(pwrite(fd, area->start, PAGE_SIZE, 0));

	close(fd);	/* what was written does not matter */
	return error;
}

static int error_of_direct_read(const struct area *area)
{
	int fd = open_disk();
	int error = error_of(pread(fd, area->start, PAGE_SIZE, 0));

	close(fd);	/* read only: nothing can be lost */
	return error;
}

static int error_of_fixed_buffer(const struct area *area)
{
	struct io_uring_params params = { };
	struct iovec buffer = { area->start, area->size };
	int fd = (int)syscall(__NR_io_uring_setup, 4, &params);
	int error;

	if (fd < 0)
		die_errno("io_uring_setup");
	error = error_of(syscall(__NR_io_uring_register, fd,
				 IORING_REGISTER_BUFFERS, &buffer, 1));
	close(fd);	/* nothing was queued */
	return error;
}

/* From inside: calls that pin the caller's own pages. */
static void test_pinning(void)
{
	static const struct {
		const char *name;
		int (*error_of)(const struct area *area);
		int expected;
	} ways[] = {
		{ "vmsplice", error_of_vmsplice, EFAULT },
		{ "a direct write", error_of_direct_write, EFAULT },
		{ "a direct read", error_of_direct_read, EFAULT },
		{ "a fixed buffer of io_uring", error_of_fixed_buffer, EFAULT },
	};

	make_disk();
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		int error = ways[i].error_of(&secret);
		int control = ways[i].error_of(&ordinary);

		ktap_ok(error == ways[i].expected && !control,
			"%s of a secret: %s, of ordinary memory: %s",
			ways[i].name, strerror(error), strerror(control));
	}
	drop_disk();
}

/* Copies by the owner's own addresses are what secret memory is for. */
static void test_owner_io(void)
{
	static u64 back[WORDS_PER_PAGE];
	int fds[2];

	if (pipe(fds))
		die_errno("pipe");
	ktap_ok(write(fds[1], secret.start, PAGE_SIZE) == PAGE_SIZE &&
		read(fds[0], back, PAGE_SIZE) == PAGE_SIZE &&
		!mark_count_wrong_pages(back, 1, 1),
		"its owner may write(2) it");
	close(fds[0]);
	close(fds[1]);
}

static int error_of_collapse(const struct area *area)
{
	uintptr_t start = ((uintptr_t)area->start + BLOCK_BYTES - 1) & -BLOCK_BYTES;

	return error_of(madvise((void *)start, BLOCK_BYTES, MADV_COLLAPSE));
}

/* What is collapsed is copied, by the kernel, to a huge page that is mapped. */
static void test_collapse(void)
{
	struct area secrets = secret_area(2 * BLOCK_BYTES);
	struct area memory = area_create(AREA_ANON, 2 * BLOCK_BYTES);
	int error, control;

	mark_fill_pages(secrets.start, area_nr_pages(&secrets), 1);
	mark_fill_pages(memory.start, area_nr_pages(&memory), 2);
	if (madvise(memory.start, memory.size, MADV_HUGEPAGE))
		die_errno("madvise(MADV_HUGEPAGE)");
	error = error_of_collapse(&secrets);
	control = error_of_collapse(&memory);
	ktap_ok(error == EINVAL && !control &&
		!mark_count_wrong_pages(secrets.start, area_nr_pages(&secrets), 1),
		"MADV_COLLAPSE: secret '%s', ordinary '%s'", strerror(error),
		strerror(control));
	area_destroy(&secrets);
	area_destroy(&memory);
}

/* The word at @vaddr as /proc/kcore shows it; 0 where it shows nothing. */
static u64 kcore_word(u64 vaddr)
{
	int fd = open("/proc/kcore", O_RDONLY);
	Elf64_Ehdr header;
	u64 word = 0;

	if (fd < 0 ||
	    pread(fd, &header, sizeof(header), 0) != sizeof(header))
		die_errno("/proc/kcore");
	for (int i = 0; i < header.e_phnum; i++) {
		off_t at = (off_t)(header.e_phoff + i * sizeof(Elf64_Phdr));
		Elf64_Phdr segment;

		if (pread(fd, &segment, sizeof(segment), at) !=
		    sizeof(segment))
			die_errno("/proc/kcore");
		if (segment.p_type != PT_LOAD || vaddr < segment.p_vaddr ||
		    vaddr - segment.p_vaddr >= segment.p_memsz)
			continue;
		at = (off_t)(vaddr - segment.p_vaddr + segment.p_offset);
		if (pread(fd, &word, sizeof(word), at) != sizeof(word))
			word = 0;
		break;
	}
	close(fd);	/* read only: nothing can be lost */
	return word;
}

static u64 word_by_kcore(const struct area *area)
{
	struct dmap map;
	u64 word, pfn;

	pagemap_read(area->start, 1, &pfn);
	if (pfn == PFN_NONE)
		die(EXIT_FAILED, "a page that was written is not there");
	dmap_load(&map);
	word = kcore_word(map.base + pfn * PAGE_SIZE);
	dmap_free(&map);
	return word;
}

static void test_kcore(void)
{
	ktap_ok(word_by_kcore(&secret) != mark_make(1, 0),
		"/proc/kcore does not show a secret");
	ktap_ok(word_by_kcore(&ordinary) == mark_make(2, 0),
		"/proc/kcore shows ordinary memory");
}

int main(void)
{
	ktap_plan(14);
	secret = secret_area(NR_PAGES * PAGE_SIZE);
	ordinary = area_create(AREA_ANON, NR_PAGES * PAGE_SIZE);
	mark_fill_pages(secret.start, NR_PAGES, 1);
	mark_fill_pages(ordinary.start, NR_PAGES, 2);
	test_other_process();
	test_owner_io();
	test_collapse();
	test_kcore();
	test_pinning();
	ktap_ok(!mark_count_wrong_pages(secret.start, NR_PAGES, 1),
		"the secret is what it was");
	return ktap_finish();
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Marks: fill pages with them and read them back.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <sys/mman.h>

#include "mark.h"

/*
 * Overwrite the registers that a call may change; the others are restored by
 * the functions below and held nothing of ours. What an interrupt saved on the
 * kernel stack is overwritten by the next entry into the kernel.
 */
static inline void scrub_registers(void)
{
	asm volatile("xor %%eax, %%eax\n\t"
		     "xor %%ecx, %%ecx\n\t"
		     "xor %%edx, %%edx\n\t"
		     "xor %%esi, %%esi\n\t"
		     "xor %%edi, %%edi\n\t"
		     "xor %%r8d, %%r8d\n\t"
		     "xor %%r9d, %%r9d\n\t"
		     "xor %%r10d, %%r10d\n\t"
		     "xor %%r11d, %%r11d"
		     : : : "rax", "rcx", "rdx", "rsi", "rdi",
		       "r8", "r9", "r10", "r11", "cc");
}

__attribute__((noinline, target("general-regs-only")))
void mark_fill_pages(void *start, size_t nr_pages, u64 seed)
{
	u64 *word = start;

	for (u64 i = 0; i < nr_pages * WORDS_PER_PAGE; i++)
		word[i] = mark_make(seed, i);
	scrub_registers();
}

__attribute__((noinline, target("general-regs-only")))
size_t mark_count_wrong_pages(const void *start, size_t nr_pages, u64 seed)
{
	const u64 *word = start;
	size_t nr_wrong = 0;

	for (size_t page = 0; page < nr_pages; page++) {
		u64 first = page * WORDS_PER_PAGE;
		bool wrong = false;

		for (u64 i = first; i < first + WORDS_PER_PAGE; i++)
			wrong |= word[i] != mark_make(seed, i);
		nr_wrong += wrong;
	}
	scrub_registers();
	return nr_wrong;
}

/* The page fault is the exception; registers hold addresses by then. */
void mark_scrub_cpus(void)
{
	cpu_set_t before;
	size_t nr_bytes = (size_t)nr_cpus_online() * PAGE_SIZE;
	volatile char *pages = mmap(NULL, nr_bytes, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (pages == MAP_FAILED || sched_getaffinity(0, sizeof(before), &before))
		die_errno("cannot visit all CPUs");
	for (int cpu = 0; cpu < nr_cpus_online(); cpu++) {
		pin_to_cpu(cpu);
		pages[(size_t)cpu * PAGE_SIZE] = 1;
	}
	/* Here, as it empties the batch for the LRU lists of the CPU it runs on. */
	munmap((void *)pages, nr_bytes);	/* only address space */
	if (sched_setaffinity(0, sizeof(before), &before))
		die_errno("cannot leave the CPU");
}

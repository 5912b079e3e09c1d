/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Another kernel, to be started by this one (kexec_file_load(2)), or when it crashes.
 * It runs the same job again: its initramfs is the files of this guest, with all that
 * the program has left in them meanwhile.
 */
#ifndef GUEST_LIB_NEXTKERNEL_H
#define GUEST_LIB_NEXTKERNEL_H

#include "util.h"

#define NEXTKERNEL_IMAGE	"/bzImage"

/* Flags of nextkernel_load(). */
#ifndef KEXEC_FILE_ON_CRASH
#define KEXEC_FILE_ON_CRASH	0x2
#endif
/* Linux 6.8; Debian 12's headers are older. */
#ifndef KEXEC_FILE_DEBUG
#define KEXEC_FILE_DEBUG	0x8
#endif

/*
 * What this kernel leaves to the next one, before it packs the files; and in the next
 * one, which is known by that there is any.
 */
void nextkernel_leave(const void *results, size_t size);
bool nextkernel_runs(void);
void nextkernel_read(void *results, size_t size);

/* Make the initramfs; with zeroes behind it, of @size bytes, if @size is not 0. */
void nextkernel_pack_files(size_t size);

/* Load it and NEXTKERNEL_IMAGE, with this kernel's arguments and those of @append. */
void nextkernel_load(const char *append, unsigned long flags);

#endif

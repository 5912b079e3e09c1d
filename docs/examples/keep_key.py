#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""A key that only this process can read, in secret memory.

The first line of stdin is the key; of each further line it says whether it is
the key.
"""

import ctypes
import mmap
import os
import resource
import signal
import sys

SYS_MEMFD_SECRET = 447
PR_SET_DUMPABLE = 4
SIZE = mmap.PAGESIZE

libc = ctypes.CDLL(None, use_errno=True)


def secret_new():
    """SIZE bytes of secret memory."""
    descriptor = libc.syscall(SYS_MEMFD_SECRET, os.O_CLOEXEC)
    if descriptor < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error), "memfd_secret")
    os.ftruncate(descriptor, SIZE)
    secret = mmap.mmap(descriptor, SIZE)
    os.close(descriptor)
    return secret


def first_touch_works(secret):
    """A page comes with its first touch, and SIGBUS if it may not: ask a child."""
    child = os.fork()
    if not child:
        signal.signal(signal.SIGBUS, signal.SIG_DFL)
        secret[0] = 0
        os._exit(0)
    return os.waitpid(child, 0)[1] == 0


def read_line(memory):
    """A line from stdin straight into MEMORY, without a copy; its length."""
    length = 0
    while length < SIZE and os.readv(0, [memory[length:length + 1]]) == 1:
        if memory[length] == ord("\n"):
            return length
        length += 1
    return length or -1


def is_same(one, other, length):
    """Takes as long for every answer; hmac.compare_digest() would copy."""
    difference = 0
    for index in range(length):
        difference |= one[index] ^ other[index]
    return not difference


def main():
    """Keep the key, answer the questions."""
    libc.prctl(PR_SET_DUMPABLE, 0)
    try:
        secret = secret_new()
    except OSError as error:
        print(f"keep_key: {error.filename}: {error.strerror}", file=sys.stderr)
        return 4
    if not first_touch_works(secret):
        limit = resource.getrlimit(resource.RLIMIT_MEMLOCK)[0]
        print("keep_key: no secret page: the limit on locked memory is",
              "none" if limit < 0 else f"{limit // 1024} kB", file=sys.stderr)
        return 4
    key, line = memoryview(secret), memoryview(bytearray(SIZE))
    key_length = read_line(key)
    while (length := read_line(line)) >= 0:
        print("yes" if length == key_length and is_same(key, line, length)
              else "no")
    return 0


if __name__ == "__main__":
    sys.exit(main())

# SPDX-License-Identifier: GPL-2.0-only
"""The code of an x86-64 object file, function by function, in words that do not
depend on where things lie: what two compilations of the same source share."""

import bisect
import collections
import re
import struct
import subprocess

STT_SECTION, SHT_SYMTAB, SHT_RELA = 3, 2, 4
# R_X86_64_PC32, PLT32, GOTPCREL, GOTPCRELX, REX_GOTPCRELX
PC_RELATIVE = (2, 4, 9, 41, 42)


class Elf:
    """Sections, symbols and relocations of one 64-bit little-endian object."""

    def __init__(self, path):
        self.data = open(path, "rb").read()
        shoff, = struct.unpack_from("<Q", self.data, 0x28)
        shentsize, shnum, shstrndx = struct.unpack_from("<HHH", self.data, 0x3A)
        self.sections = [struct.unpack_from("<IIQQQQIIQQ", self.data, shoff + i * shentsize)
                         for i in range(shnum)]
        self.names = [self.string(shstrndx, s[0]) for s in self.sections]
        self.symbols, self.relocs = [], {}
        for s in self.sections:
            if s[1] == SHT_SYMTAB:
                for off in range(s[4], s[4] + s[5], 24):
                    name, info, _, shndx, value, size = struct.unpack_from("<IBBHQQ", self.data, off)
                    self.symbols.append((self.string(s[6], name), info & 15, shndx, value, size))
        for s in self.sections:
            if s[1] == SHT_RELA:
                table = self.relocs.setdefault(s[7], {})
                for off in range(s[4], s[4] + s[5], 24):
                    where, info, addend = struct.unpack_from("<QQq", self.data, off)
                    table[where] = (info >> 32, info & 0xFFFFFFFF, addend)
        self.by_section = collections.defaultdict(list)
        for name, kind, shndx, value, size in self.symbols:
            if kind != STT_SECTION and name and not name.startswith(".L") and shndx and shndx < len(self.sections):
                self.by_section[shndx].append((value, size, name))
        for table in self.by_section.values():
            table.sort()

    def string(self, section, offset):
        start = self.sections[section][4] + offset
        return self.data[start:self.data.index(b"\0", start)].decode("latin-1")

    def describe(self, shndx, offset):
        """What lies at OFFSET of a section, in words that do not move."""
        section = self.sections[shndx]
        table = self.by_section[shndx]
        i = bisect.bisect_right(table, (offset, 1 << 62, "")) - 1
        if i >= 0:
            value, size, name = table[i]
            if value <= offset < value + max(size, 1):
                return "%s+%#x" % (plain(name), offset - value)
        if self.names[shndx].startswith(".rodata.str") and offset < section[5]:
            # Names of source files: the tree they lie in does not count.
            return repr(re.sub(r"\bsrc/(stock|linux)/", "src/", self.string(shndx, offset)))
        return self.names[shndx]


def plain(name):
    """A name without the number that the compiler gave a static variable."""
    return re.sub(r"\.\d+$", "", name)


INSN = re.compile(r"^ *([0-9a-f]+):\t([^\t]*)\t?(.*)$")
HEAD = re.compile(r"^[0-9a-f]+ <(.*)>:$")
SECTION = re.compile(r"^Disassembly of section (.*):$")
TARGET = re.compile(r"\b[0-9a-f]+ <([^>]*)>")


def functions(path):
    """{(name, nth): [(text, length)]}: the code of each function of an object."""
    elf = Elf(path)
    out = subprocess.run(["objdump", "-dw", "-z", "--insn-width=16", path], capture_output=True,
                         text=True, check=True).stdout
    result, seen, shndx, current, name = {}, collections.Counter(), 0, None, ""
    sizes = {(s[2], s[3]): s[4] for s in elf.symbols if s[1] != STT_SECTION and s[4]}
    end = 0
    for line in out.split("\n"):
        match = SECTION.match(line)
        if match:
            shndx = elf.names.index(match[1])
            continue
        match = HEAD.match(line)
        if match:
            start = int(line.split(" ", 1)[0], 16)
            name = match[1]
            end = start + sizes.get((shndx, start), 1 << 62)
            # Sections without functions hold alternatives: a difference there
            # shows in the function that they belong to.
            current = None if name.startswith(".") else result.setdefault((name, seen[name]), [])
            seen[name] += 1
            continue
        match = INSN.match(line)
        if not match or current is None or int(match[1], 16) >= end:
            continue
        current.append((int(match[1], 16), len(match[2].split()), match[3].strip(), shndx))
    return {key: normalise(elf, key[0], body) for key, body in result.items()}


def normalise(elf, name, body):
    index = {address: i for i, (address, _, _, _) in enumerate(body)}
    code = []
    for address, length, text, shndx in body:
        text = re.sub(r" *#.*$", "", text)
        table = elf.relocs.get(shndx, {})
        marks = []
        for where in range(address, address + length):
            if where in table:
                marks.append(operand(elf, table[where], where, address + length))
        if marks:
            # The field itself holds nothing; the name stands for it.
            text = TARGET.sub("@", text)
            text = re.sub(r"0x0\(%rip\)|\$0x0\b|\b0x0\b", "@", text)
        else:
            match = TARGET.search(text)
            if match:
                target = int(match[0].split()[0], 16)
                where = "#%d" % index[target] if target in index else elf.describe(shndx, target)
                text = TARGET.sub(lambda m: where, text)
        code.append((" ".join([text] + marks), length))
    return code


def operand(elf, reloc, where, end):
    symbol, kind, addend = reloc
    name, _, shndx, value, _ = elf.symbols[symbol]
    # These count from the end of the instruction.
    if kind in PC_RELATIVE:
        addend += end - where
    if shndx and shndx < len(elf.sections):
        return elf.describe(shndx, value + addend)
    return "%s+%#x" % (name, addend)

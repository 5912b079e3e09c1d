# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# What the programs of bench/ share; after tools/lib.sh.

# note_command FILE KERNEL VM-OPTION...: adds the command of a guest to FILE, and the
# emulator's own.
note_command() {
	{
		echo "$2: tools/vm --kernel ${*:2}"
		"$TOP/tools/vm" -n --kernel "${@:2}"
	} >>"$1"
}

# parameters FILE KERNEL...: prints what figures depend on: day, versions, the commands in FILE.
parameters() {
	local kernel
	echo "date: $(date -u +%F)"
	qemu-system-x86_64 --version | head -n 1
	for kernel in "${@:2}"; do
		strings "$("$TOP/tools/vm" --kernel "$kernel" --print-build)/vmlinux" | grep -m 1 '^Linux version' | sed "s/^/$kernel: /"
	done
	cat "$1"
}

# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Python in a guest, with just those files of its library that a program takes; to be
# sourced after tools/lib.sh. There it is /usr/bin/python3, to be run with -I.

PYTHON=/usr/bin/python3 # Debian's: tools/packages has it

# python_files PROGRAM: sets `adds`, options of tools/vm that take Python along, and
# what one has loaded that imports the same, from where it finds that.
# shellcheck disable=SC2034 # the caller uses `adds`
python_files() {
	local file files
	mapfile -t files < <({ echo 'import sys' && sed -n '/^import/p' "$1" &&
		echo 'for m in list(sys.modules.values()): print(getattr(m, "__file__", None) or "")'; } |
		"$PYTHON" -I - | grep ^/)
	[ ${#files[@]} -gt 5 ] || die "$E_NOTHING" "$PYTHON does not say what it loads"
	adds=(--add "$PYTHON:/usr/bin/python3")
	for file in "${files[@]}"; do
		adds+=(--add "$file")
	done
}

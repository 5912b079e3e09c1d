# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Shared by the harness's own tests; to be sourced. Each function test_* of a
# script is a test: it passes by returning 0. run_tests runs them all and
# prints KTAP; what a failed one last ran stands in the comments below it.
TOP=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd -P)
. "$TOP/tools/lib.sh"

tmp=$(mktemp -dt harness.XXXXXX) || exit $E_NOTHING
trap 'rm -rf "$tmp"' EXIT
trap 'exit 143' INT TERM HUP

# capture COMMAND...: sets `status`; $tmp/out and $tmp/err hold what it wrote.
capture() {
	last=("$@")
	"$@" </dev/null >"$tmp/out" 2>"$tmp/err"
	status=$?
}

# says FILE TEXT: whether FILE (out or err) holds TEXT.
says() { grep -qF -e "$2" "$tmp/$1"; }

# one_line FILE: whether it is exactly one.
one_line() { [ "$(wc -l <"$tmp/$1")" = 1 ]; }

explain_failure() {
	printf '# last command: '
	printf '%q ' "${last[@]}"
	printf '\n# its status: %s\n' "${status-}"
	tail -qn 20 "$tmp/out" "$tmp/err" | LC_ALL=C tr -cd '[:print:]\n\t' | sed 's/^/# | /'
}

# run_tests [NAME]...: all, or those whose names are given.
run_tests() {
	local names name number=0 failed=0
	mapfile -t names < <(declare -F | sed -n 's/^declare -f test_//p')
	[ $# -eq 0 ] || names=("$@")
	echo "KTAP version 1"
	echo "1..${#names[@]}"
	for name in "${names[@]}"; do
		number=$((number + 1)) last=() status=''
		: >"$tmp/out" && : >"$tmp/err"
		if "test_$name"; then
			echo "ok $number $name"
		else
			failed=$((failed + 1))
			echo "not ok $number $name"
			explain_failure
		fi
	done
	[ $failed = 0 ] || return $E_TEST
}

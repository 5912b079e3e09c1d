# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# Shared by the scripts of tools/, tests/ and bench/; to be sourced.
# Owns: where the project and its build directory are, the exit codes, the one
# form of messages, the line that shows that a long step is alive, and what is
# said of a kernel's configuration or build that failed, and the build's environment.

# Exit codes of our tools. 124 (time-out) and 125 (VM died) are tools/vm's.
# shellcheck disable=SC2034
E_TEST=1 E_USAGE=2 E_BUILD=3 E_NOTHING=4

TOP=${TOP:-$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)}
# Everything that is made goes below BUILD.
BUILD=${BUILD:-$TOP/build}
case $BUILD in /*) ;; *) BUILD=$PWD/$BUILD ;; esac
PROG=${0##*/}

say() { printf '%s\n' "$PROG: $*" >&2; }

# die CODE MESSAGE...: one line that says what to do, and the end.
die() {
	die_code=$1
	shift
	say "error: $*"
	exit "$die_code"
}

# usage_of FILE: the comment block under the first line of FILE is its help.
usage_of() { sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$1"; }

usage_error() {
	say "error: $*; see $PROG -h"
	exit $E_USAGE
}

# A path as the user would type it, from the project's top.
short_path() { printf '%s' "${1#"$TOP"/}"; }

min_sec() { printf '%d:%02d' $(($1 / 60)) $(($1 % 60)); }

now() { date +%s; }

# run_logged WHAT LOG COUNT_RE COMMAND...: runs COMMAND with its output in LOG;
# shows every 10 s how long it has taken and how many lines of LOG match
# COUNT_RE (none when empty). Returns the status of COMMAND, which a signal to
# the caller ends too.
run_logged() {
	rl_what=$1 rl_log=$2 rl_re=$3
	shift 3
	rl_start=$(now) rl_next=10
	say "$rl_what (log: $(short_path "$rl_log"))"
	# A process group of its own, so that all of it can be ended.
	set -m
	"$@" >"$rl_log" 2>&1 </dev/null &
	rl_pid=$!
	set +m
	trap 'kill -- "-$rl_pid" 2>/dev/null; wait "$rl_pid"; say "$rl_what: interrupted"; exit 130' INT TERM HUP
	while kill -0 "$rl_pid" 2>/dev/null; do
		rl_took=$(($(now) - rl_start))
		if [ "$rl_took" -ge "$rl_next" ]; then
			rl_next=$((rl_took + 10))
			rl_count=
			[ -z "$rl_re" ] || rl_count=", $(grep -c -- "$rl_re" "$rl_log") objects"
			say "  ... $(min_sec "$rl_took")$rl_count"
		fi
		sleep 0.2
	done
	wait "$rl_pid"
	rl_status=$?
	trap - INT TERM HUP
	[ "$rl_status" -ne 0 ] || say "$rl_what: done in $(min_sec $(($(now) - rl_start)))"
	return "$rl_status"
}

# need_disk MIB WHAT: dies when the file system of BUILD has less left.
need_disk() {
	mkdir -p "$BUILD" || die $E_NOTHING "cannot make $BUILD"
	nd_free=$(df -Pm "$BUILD" | awk 'NR == 2 { print $4 }')
	[ "${nd_free:-0}" -ge "$1" ] ||
		die $E_NOTHING "$2 needs $1 MiB of free disk below $BUILD, there are $nd_free: free some, or set BUILD=DIR to another place"
}

# need_kernels NAME...: builds those that are not up to date; dies if one does not
# build. tools/vm asks no more than whether there is one.
need_kernels() {
	for nk_name; do
		"$TOP/tools/kernel" "$nk_name" >&2 || exit
	done
}

# ccache_environment: the same objects at any path, so that its caches hit.
ccache_environment() {
	export CCACHE_BASEDIR="$TOP" CCACHE_NOHASHDIR=1 CCACHE_SLOPPINESS=time_macros
	export CCACHE_MAXSIZE="${CCACHE_MAXSIZE:-10G}"
	unset MAKEFLAGS MFLAGS MAKELEVEL
}

# lost_options WANTED CONFIG: the lines of WANTED that are not in CONFIG.
lost_options() {
	awk -v config="$2" '
		BEGIN { while ((getline line < config) > 0) have[line] = 1 }
		/^CONFIG_/ && !($0 in have) { print }
		/^# CONFIG_[A-Za-z0-9_]* is not set$/ { unwanted[$2] = $0 }
		END {
			for (line in have) {
				sub(/=.*/, "", line)
				if (line in unwanted)
					print unwanted[line]
			}
		}' "$1"
}

# last_error LOG: the line of make's output that says why it failed.
last_error() {
	grep -m1 -E '(^|[: ])error: |\*\*\* |No such file|No space' "$1" || tail -n 1 "$1"
}

# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154 # the caller sets `work`
#
# Shared by tests/deb, tests/deb-* and tests/debian: a Debian 12 made by mmdebstrap,
# and tests each of which builds on the one before; to be sourced after tools/lib.sh.
# Owns: `log`, the output of the last command that was `logged`.
# The caller sets `work`, a directory of its own, where it makes one.

log=''

fail() { echo "# $*" && return 1; }

# logged COMMAND...: its output goes to `log`, and is shown if it fails.
logged() { "$@" >"$log" 2>&1 </dev/null || { tail -n 30 "$log" | sed 's/^/# /' && fail "failed: $*"; }; }

# bookworm TARGET OPTION...: mmdebstrap makes it, from the archive that this
# machine's apt is set to.
bookworm() {
	local target=$1
	shift
	# shellcheck disable=SC2016 # apt fills these in
	apt-get indextargets --format 'deb $(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' 'Origin: Debian' |
		sort -u >"$work/sources"
	[ -s "$work/sources" ] || fail "apt has no lists of Debian's: apt-get update" || return
	mmdebstrap --mode=root --variant=apt "$@" bookworm "$target" - <"$work/sources" >"$log" 2>&1 || no_bookworm
}

# no_bookworm: one line that says why; the whole log where nobody knows.
no_bookworm() {
	if grep -q 'No space left' "$log"; then
		fail "no space left below $BUILD: free some, or set BUILD=DIR to another place"
	elif grep -qE 'Temporary failure|Could not (resolve|connect)|Cannot initiate|Failed to fetch|Unable to connect' "$log"; then
		fail "no network: mmdebstrap cannot reach the Debian archive; connect this machine and run again"
	else
		tail "$log" | sed 's/^/# /' && fail "mmdebstrap failed"
	fi
}

# release_of DIR: of the kernel whose packages are there.
release_of() {
	local release
	release=$(cd "$1" && echo linux-image-*.deb) && release=${release#linux-image-} && echo "${release%%_*}"
}

# run_tests PREFIX NAME...: calls test_NAME for each, as KTAP; behind one that fails
# the others fail too.
run_tests() {
	local prefix=$1 name number=0 status=0
	shift
	echo "KTAP version 1"
	echo "1..$#"
	for name; do
		number=$((number + 1))
		if [ "$status" = 0 ] && "test_$name"; then
			echo "ok $number - $prefix: $name"
		else
			echo "not ok $number - $prefix: $name"
			status=$E_TEST
		fi
	done
	return "$status"
}

# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154 # the caller sets `work`, deb-lib.sh `log`
#
# A guest that starts from a disk as a PC does, by firmware and boot loader, for
# tests/debian; to be sourced after deb-lib.sh. tools/vm starts kernels, not disks;
# from there comes just the machine.
# A service inside, the agent, runs what is sent over the second serial port: a line
# `NUMBER BASE64` is a script for bash. It answers with lines `NUMBER|OUTPUT`, then
# `NUMBER=STATUS`. Numbers tell an answer from one that is late: until the agent
# answers at all, its question is sent again and again.
# Owns: `qemu`, the process, which dies with us; the ends `to` and `from` of the
# port; `console`, the file with what firmware, boot loader and kernel print.
# The caller calls vm_end at its end, and sets `work`, a directory of its own.

AGAIN=5 # seconds after which the agent is asked again whether it is there

qemu='' console='' part='' nr_sent=0
declare -a machine

# agent_into ROOT: the service, in a system's root directory.
agent_into() {
	cat >"$1/usr/local/sbin/agent" <<-'END' && chmod 755 "$1/usr/local/sbin/agent" || return
		#!/bin/bash
		export HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive
		exec <>/dev/ttyS1 >&0
		stty raw -echo
		while read -r number text; do
			[[ $number =~ ^[0-9]+$ ]] || continue
			bash -ec "$(base64 -d <<<"$text")" </dev/null >/run/answer 2>&1
			status=$?
			sed "s/^/$number|/; \$a\\" /run/answer
			echo "$number=$status"
		done
	END
	cat >"$1/etc/systemd/system/agent.service" <<-'END' &&
		[Service]
		ExecStart=/usr/local/sbin/agent
		[Install]
		WantedBy=multi-user.target
	END
		ln -s ../agent.service "$1/etc/systemd/system/multi-user.target.wants/agent.service"
}

# vm_machine OPTION...: the machine, as tools/vm makes it with these options.
vm_machine() {
	local words word
	eval "words=($("$TOP/tools/vm" "$@" -n -- true))" && [ ${#words[@]} -gt 0 ] || return
	for word in "${words[@]}"; do
		[ "$word" != -kernel ] || break
		machine+=("$word")
	done
	mkfifo "$work/port.in" "$work/port.out" && exec {to}<>"$work/port.in" {from}<>"$work/port.out"
}

# vm_start CONSOLE DISK [OPTION...]: with these of QEMU's options.
vm_start() {
	local disk=$2
	console=$1 part=''
	shift 2
	# Not even SIGKILL to us leaves it behind.
	setpriv --pdeathsig KILL "${machine[@]}" \
		-drive "file=${disk//,/,,},format=raw,if=none,id=disk,cache=unsafe" -device virtio-blk-pci,drive=disk \
		-chardev "file,id=console,path=${console//,/,,}" -serial chardev:console \
		-chardev "pipe,id=port,path=${work//,/,,}/port" -serial chardev:port \
		"$@" </dev/null >"$work/qemu.log" 2>&1 {to}>&- {from}<&- &
	qemu=$!
}

vm_runs() { [ -n "$qemu" ] && kill -0 "$qemu" 2>/dev/null; }

vm_end() {
	! vm_runs || kill "$qemu"
	[ -z "$qemu" ] || wait "$qemu" 2>/dev/null
	qemu=''
}

# gone LIMIT: says why there is no answer, and ends what is left.
gone() {
	if vm_runs; then
		echo "# no answer for $1 s; the console:"
	else
		echo "# the guest is gone: $(tail -n 1 "$work/qemu.log"); the console:"
	fi
	tail -n 20 "$console" | LC_ALL=C tr -cd '[:print:]\n\t' | sed 's/^/# | /'
	vm_end
	return 1
}

send() { nr_sent=$((nr_sent + 1)) && echo "$nr_sent $(base64 -w 0 <<<"$1")" >&"$to"; }

# answered END: the answer is in `log`, its status is returned; 124 at the time END.
answered() {
	local line
	: >"$log"
	while [ $SECONDS -lt "$1" ] && vm_runs; do
		# What came of a line when the second was over is its beginning.
		read -t 1 -r line <&"$from" || { part+=$line && continue; }
		line=$part$line part=''
		case $line in
		"$nr_sent|"*) echo "${line#*|}" >>"$log" ;;
		"$nr_sent="*) return "${line#*=}" ;;
		esac
	done
	return 124
}

# vm_up LIMIT: until the agent answers.
vm_up() {
	local end=$((SECONDS + $1))
	send true
	while [ $SECONDS -lt $end ] && vm_runs; do
		answered $((SECONDS + AGAIN)) && return
		echo "$nr_sent $(base64 <<<true)" >&"$to"
	done
	gone "$1"
}

# vm_run LIMIT SCRIPT: the output in `log`; shown if it fails.
vm_run() {
	local status
	send "$2"
	answered $((SECONDS + $1))
	status=$?
	[ $status != 124 ] || gone "$1" || return
	[ $status = 0 ] || { tail -n 30 "$log" | sed 's/^/# | /' && fail "status $status in the guest: $2"; }
}

# vm_off LIMIT SCRIPT: SCRIPT makes the guest switch itself off, or reset.
vm_off() {
	local end=$((SECONDS + $1))
	send "$2"
	while [ $SECONDS -lt $end ] && vm_runs; do
		sleep 0.5
	done
	! vm_runs || gone "$1" || return
	wait "$qemu"
	qemu=''
}

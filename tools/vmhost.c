// SPDX-License-Identifier: GPL-2.0-only
/*
 * The host's side of a guest: starts QEMU, carries the program's streams, waits
 * for the verdict, and leaves no process behind.  Called by tools/vm only.
 *
 *   vmhost [-t SECONDS] [-i] [-r] -s STATE_FILE -e QEMU_LOG QEMU ARG...
 *
 * Owns: QEMU's process, the four sockets that are its virtio-serial ports
 * (descriptors FIRST_PORT_FD... in QEMU), the terminal's mode.
 * Speaks the protocol of guest/init.c.
 *
 * STATE_FILE gets one line that says how it ended: "exit STATUS",
 * "failed REASON", "timeout", "died", "noqemu" or "signal NUMBER".
 *
 * Every wait and write in here ends at the latest when the one-second tick
 * interrupts it, so a stuck reader of our stdout cannot outlive the time limit.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define FIRST_PORT_FD	3	/* in QEMU, as tools/vm writes it into -chardev */
#define ESCAPE_KEY	0x1d	/* Ctrl-]: ends the guest from a raw terminal */
#define CHUNK		65536
#define STDIN_CHUNK	16384	/* fits into a socket that poll() calls writable */

enum port { PORT_STDIN, PORT_STDOUT, PORT_STDERR, PORT_VERDICT, NR_PORTS };

struct options {
	unsigned int timeout_s;	/* 0: none */
	bool pass_stdin;
	bool raw_terminal;
	const char *state_file;
	const char *qemu_log;
	char **qemu;
};

struct guest {
	pid_t pid;
	int port[NR_PORTS];		/* our ends; -1 once closed by QEMU */
	unsigned long long nr_bytes[NR_PORTS];	/* received so far */
	char verdict[512];		/* the line, as far as it has come */
	size_t verdict_len;
	bool acknowledged;
	bool stdin_open;
	bool exited;
	int wait_status;
	long long deadline_ms;		/* 0: none */
};

static volatile sig_atomic_t caught_signal;
static struct termios saved_termios;
static bool terminal_is_raw;

/* ------------------------------------------------------------ internals */

static void restore_terminal(void)
{
	if (terminal_is_raw)
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &saved_termios);	/* gone: nothing to restore */
}

static void __attribute__((noreturn)) die_errno(const char *what)
{
	int error = errno;

	restore_terminal();
	fprintf(stderr, "vm: error: %s: %s\n", what, strerror(error));
	exit(4);
}

static long long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);	/* cannot fail with this clock */
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

static void on_signal(int sig)
{
	caught_signal = sig;
}

static void on_tick(int sig)
{
	(void)sig;
}

/* No SA_RESTART anywhere: each of these signals ends a blocking call. */
static void install_handlers(void)
{
	const struct itimerval tick = { .it_interval.tv_sec = 1, .it_value.tv_sec = 1 };
	const int signals[] = { SIGTERM, SIGINT, SIGHUP };
	struct sigaction action = { .sa_handler = on_signal };

	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		if (sigaction(signals[i], &action, NULL))
			die_errno("sigaction");
	action.sa_handler = on_tick;
	if (sigaction(SIGALRM, &action, NULL) || setitimer(ITIMER_REAL, &tick, NULL))
		die_errno("timer");
	if (signal(SIGPIPE, SIG_IGN) == SIG_ERR || signal(SIGTTIN, SIG_IGN) == SIG_ERR)
		die_errno("signal");
}

static void set_raw_terminal(void)
{
	struct termios raw;

	if (tcgetattr(STDIN_FILENO, &saved_termios))
		die_errno("terminal");
	raw = saved_termios;
	cfmakeraw(&raw);
	if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw))
		die_errno("terminal");
	terminal_is_raw = true;
}

static bool over(const struct guest *guest)
{
	return caught_signal || (guest->deadline_ms && now_ms() >= guest->deadline_ms);
}

/* QEMU dies with us, whatever ends us; its messages go to a file. */
static void __attribute__((noreturn)) exec_qemu(const struct options *o, int theirs[NR_PORTS],
						pid_t parent)
{
	int log = open(o->qemu_log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int high[NR_PORTS];

	if (log < 0 || null < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != parent)
		_exit(126);
	/* First out of the way of the numbers that they will get. */
	for (int i = 0; i < NR_PORTS; i++)
		high[i] = fcntl(theirs[i], F_DUPFD_CLOEXEC, 64);
	if (dup2(null, 0) < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0)
		_exit(126);
	for (int i = 0; i < NR_PORTS; i++)
		if (dup2(high[i], FIRST_PORT_FD + i) < 0)
			_exit(126);
	execvp(o->qemu[0], o->qemu);
	dprintf(2, "%s: %s\n", o->qemu[0], strerror(errno));
	_exit(127);
}

static void start_guest(struct guest *guest, const struct options *o)
{
	int theirs[NR_PORTS];
	pid_t self = getpid();

	for (int i = 0; i < NR_PORTS; i++) {
		int pair[2];

		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
			die_errno("socketpair");
		guest->port[i] = pair[0];
		theirs[i] = pair[1];
	}
	guest->pid = fork();
	if (guest->pid < 0)
		die_errno("fork");
	if (!guest->pid)
		exec_qemu(o, theirs, self);
	for (int i = 0; i < NR_PORTS; i++)
		close(theirs[i]);
	guest->stdin_open = o->pass_stdin;
	if (o->timeout_s)
		guest->deadline_ms = now_ms() + o->timeout_s * 1000LL;
}

/* A reader that went away ends us as it would end the program itself. */
static void write_output(const struct guest *guest, int fd, const char *buf, ssize_t len)
{
	while (len > 0 && !over(guest)) {
		ssize_t n = write(fd, buf, len);

		if (n < 0 && errno != EINTR && errno != EAGAIN)
			caught_signal = SIGPIPE;
		if (n > 0) {
			buf += n;
			len -= n;
		}
	}
}

/* Returns what was read, 0 if the port is closed (now). */
static ssize_t read_port(struct guest *guest, enum port port, char *buf, size_t len)
{
	ssize_t n = read(guest->port[port], buf, len);

	if (n < 0 && errno == EINTR)
		return 0;
	if (n <= 0) {
		close(guest->port[port]);
		guest->port[port] = -1;
		return 0;
	}
	guest->nr_bytes[port] += n;
	return n;
}

static void receive_output(struct guest *guest, enum port port, int fd)
{
	static char buf[CHUNK];
	ssize_t n = read_port(guest, port, buf, sizeof(buf));

	write_output(guest, fd, buf, n);
}

static void receive_verdict(struct guest *guest)
{
	size_t room = sizeof(guest->verdict) - 1 - guest->verdict_len;

	guest->verdict_len += read_port(guest, PORT_VERDICT, guest->verdict + guest->verdict_len,
					room);
}

/* True once the line is whole and every byte that it announces is here. */
static bool verdict_complete(const struct guest *guest)
{
	unsigned long long nr_out, nr_err;
	int status;

	if (!memchr(guest->verdict, '\n', guest->verdict_len))
		return false;
	if (sscanf(guest->verdict, "exit %d %llu %llu", &status, &nr_out, &nr_err) != 3)
		return true;
	return guest->nr_bytes[PORT_STDOUT] >= nr_out && guest->nr_bytes[PORT_STDERR] >= nr_err;
}

static void acknowledge(struct guest *guest)
{
	if (guest->acknowledged || !verdict_complete(guest) || guest->port[PORT_VERDICT] < 0)
		return;
	guest->acknowledged = true;
	/* A guest that is gone needs no answer. */
	if (send(guest->port[PORT_VERDICT], "\n", 1, MSG_NOSIGNAL) < 0)
		return;
}

/*
 * Half closed only: QEMU then reads what is left before it sees the end, and
 * the guest's reads end after the last byte.
 */
static void close_stdin(struct guest *guest)
{
	guest->stdin_open = false;
	shutdown(guest->port[PORT_STDIN], SHUT_WR);	/* fails if QEMU is gone: as good */
}

static void forward_stdin(struct guest *guest, bool raw)
{
	char buf[STDIN_CHUNK];
	ssize_t n = read(STDIN_FILENO, buf, sizeof(buf));
	ssize_t done = 0;

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (raw && n > 0 && memchr(buf, ESCAPE_KEY, n)) {
		caught_signal = SIGINT;
		return;
	}
	while (done < n && !over(guest)) {
		ssize_t sent = send(guest->port[PORT_STDIN], buf + done, n - done, MSG_NOSIGNAL);

		if (sent < 0 && errno != EINTR)
			break;
		if (sent > 0)
			done += sent;
	}
	if (n <= 0 || done < n)
		close_stdin(guest);
}

static void reap_qemu(struct guest *guest, int flags)
{
	if (!guest->exited && waitpid(guest->pid, &guest->wait_status, flags) == guest->pid)
		guest->exited = true;
}

/*
 * Whoever reads slowly must not stop us from taking the program's output, and
 * stdin is read only while the guest takes it.
 */
static void serve_once(struct guest *guest, bool raw)
{
	bool stdin_ready = false;
	struct pollfd fds[] = {
		{ .fd = guest->port[PORT_STDOUT], .events = POLLIN },
		{ .fd = guest->port[PORT_STDERR], .events = POLLIN },
		{ .fd = guest->port[PORT_VERDICT], .events = POLLIN },
		{ .fd = guest->stdin_open ? guest->port[PORT_STDIN] : -1, .events = POLLOUT },
		{ .fd = guest->stdin_open ? STDIN_FILENO : -1, .events = POLLIN },
	};

	if (guest->stdin_open) {
		struct pollfd room = { .fd = guest->port[PORT_STDIN], .events = POLLOUT };

		/* Wait for input only if there is room, for room only if there is none. */
		stdin_ready = poll(&room, 1, 0) == 1;
		fds[stdin_ready ? 3 : 4].fd = -1;
	}
	if (poll(fds, 5, -1) < 0) {
		if (errno != EINTR)
			die_errno("poll");
		return;
	}
	if (fds[0].revents)
		receive_output(guest, PORT_STDOUT, STDOUT_FILENO);
	if (fds[1].revents)
		receive_output(guest, PORT_STDERR, STDERR_FILENO);
	if (fds[2].revents)
		receive_verdict(guest);
	if (stdin_ready && fds[4].revents)
		forward_stdin(guest, raw);
	acknowledge(guest);
}

/* Until QEMU has closed its ends (it exited, or is about to), or time is over. */
static void serve(struct guest *guest, bool raw)
{
	while (!over(guest) && (guest->port[PORT_STDOUT] >= 0 || guest->port[PORT_STDERR] >= 0 ||
				guest->port[PORT_VERDICT] >= 0))
		serve_once(guest, raw);
	while (!over(guest) && !guest->exited)
		reap_qemu(guest, 0);
}

static void end_guest(struct guest *guest)
{
	if (!guest->exited)
		kill(guest->pid, SIGKILL);	/* ours, and not reaped yet */
	while (!guest->exited)
		reap_qemu(guest, 0);
}

static int write_state(const struct options *o, const char *state, int status)
{
	FILE *file = fopen(o->state_file, "w");

	if (!file || fprintf(file, "%s\n", state) < 0 || fclose(file))
		die_errno(o->state_file);
	return status;
}

/* How it ended, into STATE_FILE; returns the exit status. */
static int judge(const struct guest *guest, const struct options *o)
{
	char state[600];
	char *newline = strchr(guest->verdict, '\n');
	int status;

	if (guest->exited && newline && verdict_complete(guest)) {
		snprintf(state, sizeof(state), "%.*s", (int)(newline - guest->verdict),
			 guest->verdict);
		return write_state(o, state,
				   sscanf(state, "exit %d", &status) == 1 ? status : 4);
	}
	if (caught_signal) {
		snprintf(state, sizeof(state), "signal %d", caught_signal);
		return write_state(o, state, 128 + caught_signal);
	}
	if (!guest->exited)
		return write_state(o, "timeout", 124);
	if (WIFEXITED(guest->wait_status) && WEXITSTATUS(guest->wait_status))
		return write_state(o, "noqemu", 4);
	return write_state(o, "died", 125);
}

static int run_guest(const struct options *o)
{
	struct guest guest = { 0 };
	int status;

	install_handlers();
	if (prctl(PR_SET_PDEATHSIG, SIGTERM))
		die_errno("prctl");
	start_guest(&guest, o);
	if (o->raw_terminal)
		set_raw_terminal();
	serve(&guest, o->raw_terminal);
	status = judge(&guest, o);
	end_guest(&guest);
	restore_terminal();
	return status;
}

/* ------------------------------------------------------------ interface */

int main(int argc, char **argv)
{
	struct options o = { 0 };
	int opt;

	while ((opt = getopt(argc, argv, "+t:irs:e:")) != -1) {
		switch (opt) {
		case 't':
			o.timeout_s = atoi(optarg);
			break;
		case 'i':
			o.pass_stdin = true;
			break;
		case 'r':
			o.raw_terminal = true;
			break;
		case 's':
			o.state_file = optarg;
			break;
		case 'e':
			o.qemu_log = optarg;
			break;
		default:
			return 2;
		}
	}
	o.qemu = argv + optind;
	if (!o.state_file || !o.qemu_log || !*o.qemu)
		return 2;
	return run_guest(&o);
}

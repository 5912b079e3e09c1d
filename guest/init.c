// SPDX-License-Identifier: GPL-2.0-only
/*
 * PID 1 of the guest: runs one program and hands its streams and its verdict
 * to the host.
 *
 * Owns: the mounts, the ports to the host (order and names as in tools/vm and
 * tools/vm-bochs.sh), the program's process, the power-off.  The job comes from
 * JOB_FILE, written by tools/initramfs, so that no argument ever passes through
 * a shell or the kernel command line.
 *
 * The verdict is one line on its own port, after every byte of both streams
 * was written: "exit STATUS OUT_BYTES ERR_BYTES", or "failed REASON" when the
 * program could not be started.  The host answers one byte once it has all
 * these bytes; only then is the machine switched off, so nothing is lost in a
 * queue.  Anything that fails in here ends PID 1, and so panics the kernel:
 * no verdict, which the host reports as a death of the guest.
 *
 * The ports are virtio-serial's or, on a machine without virtio, UARTs.  Those
 * end in files: nobody answers and there is no stdin, but a queue can be waited
 * for until its last byte is out.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define JOB_FILE	"/vm/job"
#define HOST_TMP	"/vm/tmp"	/* what the host has under /tmp */
#define KMEMLEAK	"/sys/kernel/debug/kmemleak"
#define KMEMLEAK_AGE_S	6		/* kmemleak keeps quiet about objects younger than 5 s */
#define PORT_WAIT_MS	20000
#define CHUNK		4096		/* one page: the port's driver copies it with kmalloc() */

enum port { PORT_STDIN, PORT_STDOUT, PORT_STDERR, PORT_VERDICT, NR_PORTS };

static const char * const virtio_path[NR_PORTS] = {
	[PORT_STDIN]	= "/dev/vport0p1",
	[PORT_STDOUT]	= "/dev/vport0p2",
	[PORT_STDERR]	= "/dev/vport0p3",
	[PORT_VERDICT]	= "/dev/vport0p4",
};

/* The first UART is the console. */
static const char * const uart_path[NR_PORTS] = {
	[PORT_STDIN]	= "/dev/null",
	[PORT_STDOUT]	= "/dev/ttyS1",
	[PORT_STDERR]	= "/dev/ttyS2",
	[PORT_VERDICT]	= "/dev/ttyS3",
};

static const char * const *port_path = virtio_path;

/* The fields of JOB_FILE, each ended by a NUL, in this order. */
struct job {
	char *program;		/* absolute path */
	char *cwd;
	char *term;		/* TERM=... */
	char *tty;		/* "ROWS COLS", or "" for plain pipes */
	char *stdin;		/* "1": the host has a stdin to pass on */
	char *kmemleak;		/* "1": scan for leaks at the end, if the kernel can */
	char *uarts;		/* "1": the ports are UARTs, not virtio-serial's */
	char **argv;		/* the rest, argv[0] included */
};

/* One output of the program on its way to the host. */
struct stream {
	int from;		/* pipe or pty, -1 once it has ended */
	int port;
	unsigned long long nr_bytes;
};

/* ------------------------------------------------------------ internals */

static void __attribute__((noreturn, format(printf, 1, 2))) give_up(const char *fmt, ...)
{
	va_list args;

	fprintf(stderr, "init: ");
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fprintf(stderr, ": %s\n", strerror(errno));
	exit(1);
}

/* Write all of it; a port's driver may be short of memory for a moment. */
static void write_all(int fd, const char *buf, size_t len)
{
	while (len) {
		ssize_t n = write(fd, buf, len);

		if (n < 0 && (errno == ENOMEM || errno == EAGAIN)) {
			usleep(1000);
			continue;
		}
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			give_up("write to the host");
		buf += n;
		len -= n;
	}
}

static void mount_one(const char *type, const char *dir, const char *options, bool needed)
{
	if (mkdir(dir, 0755) && errno != EEXIST && needed)
		give_up("mkdir %s", dir);
	if (mount(type, dir, type, MS_NOSUID, options) && errno != EBUSY && needed)
		give_up("mount %s", dir);
}

/* The host's /tmp/NAME is at HOST_TMP/NAME in the image: a mount would hide it. */
static void link_host_tmp(void)
{
	DIR *dir = opendir(HOST_TMP);
	struct dirent *entry;

	if (!dir)
		return;
	while ((entry = readdir(dir))) {
		char from[512], to[512];

		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		snprintf(from, sizeof(from), HOST_TMP "/%s", entry->d_name);
		snprintf(to, sizeof(to), "/tmp/%s", entry->d_name);
		if (symlink(from, to))
			give_up("symlink %s", to);
	}
	closedir(dir);
}

static void mount_filesystems(void)
{
	umask(0);
	mount_one("proc", "/proc", NULL, true);
	mount_one("sysfs", "/sys", NULL, true);
	mount_one("devtmpfs", "/dev", "mode=755", true);
	mount_one("tmpfs", "/tmp", "mode=1777", true);
	mount_one("devpts", "/dev/pts", "mode=620,ptmxmode=666", false);
	mount_one("tmpfs", "/dev/shm", "mode=1777", false);
	mount_one("debugfs", "/sys/kernel/debug", NULL, false);
	mount_one("tracefs", "/sys/kernel/tracing", NULL, false);
	mount_one("cgroup2", "/sys/fs/cgroup", NULL, false);
	umask(022);
	/* devtmpfs has none of these; on a second mount they exist already */
	if (symlink("/proc/self/fd", "/dev/fd") || symlink("fd/0", "/dev/stdin") ||
	    symlink("fd/1", "/dev/stdout") || symlink("fd/2", "/dev/stderr"))
		give_up("symlinks in /dev");
	link_host_tmp();
}

static char *read_file(const char *path, size_t *len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	char *buf;

	if (fd < 0 || fstat(fd, &st))
		give_up("%s", path);
	buf = malloc(st.st_size + 1);
	if (!buf || read(fd, buf, st.st_size) != st.st_size)
		give_up("read %s", path);
	buf[st.st_size] = '\0';
	*len = st.st_size;
	close(fd);
	return buf;
}

static struct job load_job(void)
{
	size_t len, nr = 0;
	char *buf = read_file(JOB_FILE, &len);
	char **field = calloc(len + 1, sizeof(*field));
	struct job job;

	if (!field)
		give_up("memory");
	for (char *p = buf; p < buf + len; p += strlen(p) + 1)
		field[nr++] = p;
	if (nr < 8)
		give_up("%s has %zu fields", JOB_FILE, nr);
	job = (struct job){
		.program = field[0], .cwd = field[1], .term = field[2], .tty = field[3],
		.stdin = field[4], .kmemleak = field[5], .uarts = field[6], .argv = field + 7,
	};
	return job;
}

/* Every byte passes as it is, as fast as the UART goes, and no modem is asked. */
static void make_raw(int fd)
{
	struct termios raw;

	if (tcgetattr(fd, &raw))
		give_up("tcgetattr");
	cfmakeraw(&raw);
	raw.c_cflag |= CLOCAL;
	if (cfsetspeed(&raw, B115200) || tcsetattr(fd, TCSANOW, &raw))
		give_up("tcsetattr");
}

/* The driver of virtio creates the nodes from a work item some time after boot. */
static int open_port(enum port port)
{
	int flags = port == PORT_VERDICT ? O_RDWR : port == PORT_STDIN ? O_RDONLY : O_WRONLY;

	for (int ms = 0; ms < PORT_WAIT_MS; ms++) {
		int fd = open(port_path[port], flags | O_CLOEXEC | O_NOCTTY);

		if (fd >= 0 && isatty(fd))
			make_raw(fd);
		if (fd >= 0)
			return fd;
		usleep(1000);
	}
	give_up("%s", port_path[port]);
}

/* The program's side of its streams: fd[0], fd[1], fd[2]. */
struct child_end {
	int fd[3];
	bool tty;
};

static void make_pipe(int *reader, int *writer)
{
	int fd[2];

	if (pipe2(fd, O_CLOEXEC))
		give_up("pipe");
	*reader = fd[0];
	*writer = fd[1];
}

/* Returns where the host's stdin is to be written to. */
static int connect_pipes(const struct job *job, struct child_end *end, struct stream *out,
			 struct stream *err)
{
	int to_stdin = -1;

	make_pipe(&out->from, &end->fd[1]);
	make_pipe(&err->from, &end->fd[2]);
	if (*job->stdin)
		make_pipe(&end->fd[0], &to_stdin);
	else
		end->fd[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (end->fd[0] < 0)
		give_up("/dev/null");
	return to_stdin;
}

static int connect_tty(const struct job *job, struct child_end *end, struct stream *out,
		       struct stream *err)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	struct winsize size = { 0 };
	int slave;

	if (master < 0 || grantpt(master) || unlockpt(master))
		give_up("pty");
	slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0)
		give_up("pty");
	if (sscanf(job->tty, "%hu %hu", &size.ws_row, &size.ws_col) == 2 &&
	    ioctl(slave, TIOCSWINSZ, &size))
		give_up("TIOCSWINSZ");
	end->tty = true;
	end->fd[0] = end->fd[1] = end->fd[2] = slave;
	out->from = master;
	err->from = -1;
	return master;
}

/* A process of its own, so that a program that reads nothing blocks only this. */
static void start_stdin_pump(int to)
{
	char buf[CHUNK];
	int port;
	ssize_t n;

	pid_t pid = to < 0 ? 1 : fork();

	if (pid < 0)
		give_up("fork");
	if (pid)
		return;
	signal(SIGPIPE, SIG_DFL);	/* the program may close its stdin */
	port = open_port(PORT_STDIN);
	while ((n = read(port, buf, sizeof(buf))) > 0)
		write_all(to, buf, n);
	_exit(0);
}

static void __attribute__((noreturn)) exec_program(const struct job *job,
						   const struct child_end *end, int error_pipe)
{
	const struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };
	char * const envp[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "USER=root",
				"LOGNAME=root", "SHELL=/bin/sh", job->term, NULL };
	sigset_t none;

	sigemptyset(&none);
	if (sigprocmask(SIG_SETMASK, &none, NULL) == 0 && signal(SIGPIPE, SIG_DFL) != SIG_ERR &&
	    setsid() >= 0 && setrlimit(RLIMIT_MEMLOCK, &unlimited) == 0 &&
	    dup2(end->fd[0], 0) == 0 && dup2(end->fd[1], 1) == 1 && dup2(end->fd[2], 2) == 2 &&
	    (!end->tty || ioctl(0, TIOCSCTTY, 0) == 0) && chdir(job->cwd) == 0)
		execve(job->program, job->argv, envp);
	/* A short write cannot happen on a fresh pipe. */
	if (write(error_pipe, &errno, sizeof(errno)) < 0)
		_exit(126);
	_exit(127);
}

/* Returns the pid, or -errno of the exec. */
static pid_t start_program(const struct job *job, struct stream *out, struct stream *err)
{
	struct child_end end = { 0 };
	int from_child, to_parent, error, to_stdin;
	pid_t pid;

	to_stdin = *job->tty ? connect_tty(job, &end, out, err)
			     : connect_pipes(job, &end, out, err);
	make_pipe(&from_child, &to_parent);
	pid = fork();
	if (pid < 0)
		give_up("fork");
	if (!pid)
		exec_program(job, &end, to_parent);
	close(to_parent);
	for (int i = 0; i < (end.tty ? 1 : 3); i++)
		close(end.fd[i]);
	if (read(from_child, &error, sizeof(error)) == sizeof(error))
		return -error;
	close(from_child);
	start_stdin_pump(to_stdin);
	if (to_stdin >= 0 && !end.tty)
		close(to_stdin);
	return pid;
}

/* Pass on what is there; an end of file or a pty without a user ends the stream. */
static bool pump(struct stream *stream)
{
	char buf[CHUNK];
	ssize_t n;

	if (stream->from < 0)
		return false;
	n = read(stream->from, buf, sizeof(buf));
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return false;
	if (n <= 0) {
		close(stream->from);
		stream->from = -1;
		return false;
	}
	write_all(stream->port, buf, n);
	stream->nr_bytes += n;
	return true;
}

/* Reap everything that has ended; true once @pid has, with its wait status. */
static bool reap(pid_t pid, int *status)
{
	bool ended = false;
	int s;
	pid_t p;

	while ((p = waitpid(-1, &s, WNOHANG)) > 0) {
		if (p == pid) {
			*status = s;
			ended = true;
		}
	}
	return ended;
}

/* Returns once the last byte has left this machine; virtio's ports await the answer instead. */
static void drain(int port)
{
	if (isatty(port) && tcdrain(port))
		give_up("tcdrain");
}

/* Whoever the program left behind goes with it, and then the pipes can be emptied. */
static void end_leftovers(struct stream *out, struct stream *err)
{
	kill(-1, SIGKILL);	/* ESRCH: nobody left */
	while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
		;
	while (pump(out) || pump(err))
		;
	drain(out->port);
	drain(err->port);
}

static int stream_until_exit(pid_t pid, int sigchld, struct stream *out, struct stream *err)
{
	struct signalfd_siginfo info;
	int status;

	for (;;) {
		struct pollfd fds[] = {
			{ .fd = out->from, .events = POLLIN },
			{ .fd = err->from, .events = POLLIN },
			{ .fd = sigchld, .events = POLLIN },
		};

		if (poll(fds, 3, -1) < 0 && errno != EINTR)
			give_up("poll");
		if (fds[0].revents)
			pump(out);
		if (fds[1].revents)
			pump(err);
		if (!fds[2].revents)
			continue;
		/* Signals coalesce: whatever was read, reap() looks for itself. */
		if (read(sigchld, &info, sizeof(info)) < 0 && errno != EAGAIN)
			give_up("signalfd");
		if (reap(pid, &status))
			break;
	}
	end_leftovers(out, err);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int open_sigchld(void)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		give_up("sigprocmask");
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		give_up("signalfd");
	return fd;
}

/* The kernel reports into its own log, where tools/splat finds it. */
static void scan_for_leaks(const struct job *job)
{
	int fd = *job->kmemleak ? open(KMEMLEAK, O_RDWR | O_CLOEXEC) : -1;
	char buf[CHUNK];
	ssize_t n;

	if (fd < 0)
		return;
	sleep(KMEMLEAK_AGE_S);
	/* Twice: an object counts once two scans found it with one checksum. */
	if (write(fd, "scan", 4) != 4 || write(fd, "scan", 4) != 4)
		give_up("kmemleak scan");
	while ((n = read(fd, buf, sizeof(buf) - 1)) > 0)
		fprintf(stderr, "%.*s", (int)n, buf);
	close(fd);
}

static void __attribute__((format(printf, 2, 3))) send_verdict(int port, const char *fmt, ...)
{
	char line[256], ack;
	va_list args;
	int len;

	va_start(args, fmt);
	len = vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	write_all(port, line, len);
	drain(port);
	/* Any answer will do, even none: the host then counts the bytes itself. */
	if (!isatty(port) && read(port, &ack, 1) < 0)
		give_up("verdict");
}

static void __attribute__((noreturn)) power_off(void)
{
	sync();
	reboot(RB_POWER_OFF);
	reboot(RB_AUTOBOOT);	/* no ACPI: a reset ends the machine too */
	give_up("reboot");
}

/* ------------------------------------------------------------ interface */

int main(void)
{
	struct stream out = { .from = -1 }, err = { .from = -1 };
	struct job job;
	int sigchld, verdict, status;
	pid_t pid;

	signal(SIGPIPE, SIG_IGN);
	mount_filesystems();
	job = load_job();
	if (*job.uarts)
		port_path = uart_path;
	sigchld = open_sigchld();
	out.port = open_port(PORT_STDOUT);
	err.port = open_port(PORT_STDERR);
	verdict = open_port(PORT_VERDICT);

	pid = start_program(&job, &out, &err);
	if (pid < 0) {
		send_verdict(verdict, "failed %s: %s\n", job.program, strerror(-pid));
		power_off();
	}
	status = stream_until_exit(pid, sigchld, &out, &err);
	scan_for_leaks(&job);
	send_verdict(verdict, "exit %d %llu %llu\n", status, out.nr_bytes, err.nr_bytes);
	power_off();
}

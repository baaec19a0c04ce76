// SPDX-License-Identifier: GPL-2.0
/*
 * The last thing a test guest's init becomes: does what the host says.
 *
 * Two virtio ports join it to the host, found by their names.  In through
 * "ramster.in" come lines, out through "ramster.out" go lines, never parts of
 * one:
 *
 *	ID run COMMAND		start COMMAND with /bin/sh -c, at once and beside
 *				whatever else runs; many may
 *	ID in TEXT		a line on the standard input of that command
 *	ID eof			the end of it
 *	ID kill SIGNAL		to its process group
 *
 *	out ID TEXT		a line that the command wrote
 *	ret ID STATUS		it ended; 128 + n if by signal n
 *
 * A command finds one more open file, number 3: lines written there go out as
 * they are ("ok NAME", "not ok NAME: why", "note TEXT", "mark TEXT").
 *
 * The agent is process 1, so it also collects orphans, and its death is a
 * kernel panic that the host cannot miss.  It is locked in memory: what the
 * tests do to memory shall not keep it from answering.
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
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define LINE_MAX_LEN	4000
#define JOBS		64
#define PORTS		"/sys/class/virtio-ports"

/* A stream that is cut into lines. */
struct lines {
	int fd;
	size_t len;
	char buf[LINE_MAX_LEN];
};

struct job {
	char id[64];
	pid_t pid;		/* 0: ended */
	int in;			/* its stdin, or -1 */
	struct lines out;	/* its stdout and stderr; fd -1: slot is free */
};

static struct job jobs[JOBS];
static struct lines commands, reports;
static int report_end = -1;	/* what commands get as file 3 */
static int port_out = -1;

static void __attribute__((format(printf, 1, 2))) send_line(const char *fmt, ...)
{
	static char line[LINE_MAX_LEN + 200];
	size_t done = 0, len;
	va_list ap;
	ssize_t n;

	va_start(ap, fmt);
	len = vsnprintf(line, sizeof(line) - 1, fmt, ap);
	va_end(ap);
	if (len > sizeof(line) - 2)
		len = sizeof(line) - 2;
	line[len++] = '\n';
	while (done < len) {
		n = write(port_out, line + done, len - done);
		if (n > 0)
			done += n;
		else if (errno != EINTR && errno != EAGAIN)
			return;
	}
}

/*
 * Reads what there is and hands over whole lines; what is too long for the
 * buffer goes in pieces.  False at the end of the stream.
 */
static bool read_lines(struct lines *l, void (*take)(void *, char *), void *arg)
{
	char *nl, *start;
	ssize_t n;

	n = read(l->fd, l->buf + l->len, sizeof(l->buf) - 1 - l->len);
	if (n < 0)
		return errno == EINTR || errno == EAGAIN;
	if (n == 0) {
		if (l->len) {
			l->buf[l->len] = 0;
			l->len = 0;
			take(arg, l->buf);
		}
		return false;
	}
	l->len += n;
	l->buf[l->len] = 0;
	for (start = l->buf; (nl = strchr(start, '\n')); start = nl + 1) {
		*nl = 0;
		take(arg, start);
	}
	l->len -= start - l->buf;
	memmove(l->buf, start, l->len);
	if (l->len == sizeof(l->buf) - 1) {
		l->buf[l->len] = 0;
		l->len = 0;
		take(arg, l->buf);
	}
	return true;
}

static void take_output(void *arg, char *line)
{
	struct job *j = arg;

	send_line("out %s %s", j->id, line);
}

static void take_report(void *arg, char *line)
{
	(void)arg;
	send_line("%s", line);
}

static struct job *find_job(const char *id)
{
	int i;

	for (i = 0; i < JOBS; i++)
		if (jobs[i].pid && !strcmp(jobs[i].id, id))
			return &jobs[i];
	return NULL;
}

static void in_child(const char *cmd, int in, int out)
{
	sigset_t none;
	int fd;

	setsid();
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	/* the agent must not be taken when memory runs out; commands may */
	fd = open("/proc/self/oom_score_adj", O_WRONLY);
	if (fd >= 0) {
		if (write(fd, "0", 1) != 1)
			perror("oom_score_adj");
		close(fd);
	}
	/* these are above 3: commands, ports and pipes were opened before */
	dup2(in, 0);
	dup2(out, 1);
	dup2(out, 2);
	dup2(report_end, 3);
	execl("/bin/sh", "sh", "-c", cmd, NULL);
	perror("/bin/sh");
	_exit(127);
}

static void run(const char *id, const char *cmd)
{
	struct job *j = NULL;
	int in[2], out[2], i;

	for (i = 0; i < JOBS && !j; i++)
		if (!jobs[i].pid && jobs[i].out.fd < 0)
			j = &jobs[i];
	if (!j || pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC)) {
		send_line("out %s agent: no room for another command", id);
		send_line("ret %s 126", id);
		return;
	}
	snprintf(j->id, sizeof(j->id), "%s", id);
	j->pid = fork();
	if (j->pid == 0)
		in_child(cmd, in[0], out[1]);
	close(in[0]);
	close(out[1]);
	if (j->pid < 0) {
		j->pid = 0;
		close(in[1]);
		close(out[0]);
		send_line("out %s agent: fork: %s", id, strerror(errno));
		send_line("ret %s 126", id);
		return;
	}
	j->in = in[1];
	j->out.fd = out[0];
	j->out.len = 0;
	fcntl(j->out.fd, F_SETFL, O_NONBLOCK);
}

static void take_command(void *arg, char *line)
{
	char *id = strtok(line, " "), *verb = strtok(NULL, " ");
	char *rest = strtok(NULL, "");
	struct job *j;

	(void)arg;
	if (!id || !verb)
		return;
	if (!rest)
		rest = "";
	if (!strcmp(verb, "run")) {
		run(id, rest);
		return;
	}
	j = find_job(id);
	if (!j) {
		send_line("note agent: %s: no such command is running", id);
	} else if (!strcmp(verb, "in")) {
		if (dprintf(j->in, "%s\n", rest) < 0)
			send_line("note agent: %s does not read", id);
	} else if (!strcmp(verb, "eof")) {
		close(j->in);
		j->in = -1;
	} else if (!strcmp(verb, "kill")) {
		kill(-j->pid, atoi(rest));
	}
}

static void drain(struct job *j)
{
	struct pollfd p = { .fd = j->out.fd, .events = POLLIN };

	while (j->out.fd >= 0 && poll(&p, 1, 0) > 0)
		if (!read_lines(&j->out, take_output, j)) {
			close(j->out.fd);
			j->out.fd = -1;
		}
}

static void drain_reports(void)
{
	struct pollfd p = { .fd = reports.fd, .events = POLLIN };

	while (poll(&p, 1, 0) > 0)
		read_lines(&reports, take_report, NULL);
}

static void collect(void)
{
	int status, i;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		for (i = 0; i < JOBS; i++)
			if (jobs[i].pid == pid)
				break;
		if (i == JOBS)
			continue;
		drain(&jobs[i]);
		drain_reports();
		send_line("ret %s %d", jobs[i].id, WIFEXITED(status) ?
			  WEXITSTATUS(status) : 128 + WTERMSIG(status));
		jobs[i].pid = 0;
		if (jobs[i].in >= 0)
			close(jobs[i].in);
		/* a child of its own may go on writing */
	}
}

static int open_port(const char *name, int flags)
{
	char path[600], found[64] = "";
	struct dirent *d;
	DIR *dir;
	FILE *f;
	int fd;

	dir = opendir(PORTS);
	while (dir && (d = readdir(dir))) {
		snprintf(path, sizeof(path), PORTS "/%s/name", d->d_name);
		f = fopen(path, "r");
		if (!f)
			continue;
		if (fscanf(f, "%63s", found) == 1 && !strcmp(found, name)) {
			fclose(f);
			snprintf(path, sizeof(path), "/dev/%s", d->d_name);
			closedir(dir);
			fd = open(path, flags | O_CLOEXEC);
			if (fd < 0)
				perror(path);
			return fd;
		}
		fclose(f);
	}
	if (dir)
		closedir(dir);
	fprintf(stderr, "agent: no virtio port %s\n", name);
	return -1;
}

static void on_child(int sig)
{
	(void)sig;
}

static void loop(void)
{
	struct pollfd p[JOBS + 2];
	int i;

	for (;;) {
		collect();
		for (i = 0; i < JOBS; i++)
			p[i] = (struct pollfd){ jobs[i].out.fd, POLLIN, 0 };
		p[JOBS] = (struct pollfd){ reports.fd, POLLIN, 0 };
		p[JOBS + 1] = (struct pollfd){ commands.fd, POLLIN, 0 };
		/* a bound, should a child end between collect() and here */
		if (poll(p, JOBS + 2, 100) <= 0)
			continue;
		for (i = 0; i < JOBS; i++)
			if (p[i].revents && !read_lines(&jobs[i].out, take_output,
							&jobs[i])) {
				close(jobs[i].out.fd);
				jobs[i].out.fd = -1;
			}
		if (p[JOBS].revents)
			read_lines(&reports, take_report, NULL);
		if (p[JOBS + 1].revents &&
		    !read_lines(&commands, take_command, NULL))
			usleep(100000);		/* the host has gone away */
	}
}

int main(void)
{
	struct sigaction sa = { .sa_handler = on_child };
	int i, fd[2];

	for (i = 0; i < JOBS; i++) {
		jobs[i].out.fd = -1;
		jobs[i].in = -1;
	}
	/* keep 0 to 3 out of the way of what commands get there */
	while ((i = open("/dev/console", O_RDWR)) >= 0 && i < 4)
		;
	commands.fd = open_port("ramster.in", O_RDONLY | O_NONBLOCK);
	port_out = open_port("ramster.out", O_WRONLY);
	if (commands.fd < 0 || port_out < 0 || pipe2(fd, O_CLOEXEC)) {
		fprintf(stderr, "agent: cannot talk to the host\n");
		return 1;
	}
	reports.fd = fd[0];
	report_end = fd[1];
	signal(SIGPIPE, SIG_IGN);
	sigaction(SIGCHLD, &sa, NULL);
	if (mlockall(MCL_CURRENT | MCL_FUTURE))
		perror("agent: mlockall");
	fd[0] = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	if (fd[0] < 0 || write(fd[0], "-1000", 5) != 5)
		perror("agent: oom_score_adj");
	send_line("mark ready");
	loop();
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * clients - a crowd on the socket of the statistics, and one client among it that behaves
 *
 * clients ping PATH SECONDS        ask for "top" every 20 ms; how long the answers took
 * clients crowd PATH SECONDS N     N connections: idle, deaf, half a request, lines of 1 MB, asking without a pause
 * clients native SECONDS N         both against the real rooms in a process of their own, here, without a kernel half
 *
 * The crowd counts what it was told; who is dropped comes back. Figures are printed as "name value" in one line.
 */
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client.h"
#include "serve.h"
#include "stats_fields.h"

#define PING_PERIOD_NS (20 * NSEC_PER_MSEC)
#define PINGS_MAX      100000
#define CROWD_MAX      1000
#define LONG_LINE      (1024 * 1024)

enum kind { IDLE, DEAF, HALF, LONG, BUSY, NR_KINDS };

struct one {
	int fd;
	enum kind kind;
	uint64_t next_ns;	/* of DEAF and HALF: sends again; of all: comes back */
	size_t sent;		/* of LONG */
};

static uint64_t nr_connects, nr_told, nr_closed, nr_answers;

static int compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void sleep_until(uint64_t deadline_ns)
{
	uint64_t now = now_ns();

	if (now < deadline_ns)
		usleep((useconds_t)((deadline_ns - now) / NSEC_PER_USEC));
}

static int ping(const char *path, unsigned int seconds)
{
	static uint64_t took[PINGS_MAX];
	json_object *req = client_make_request("stats", "target", "top"), *resp = NULL;
	struct client *client = NULL;
	uint64_t end = now_ns() + seconds * NSEC_PER_SEC, next = now_ns();
	size_t nr = 0;
	int err = client_connect(path, 30000, &client);

	while (!err && now_ns() < end && nr < PINGS_MAX) {
		uint64_t start;

		sleep_until(next);
		next += PING_PERIOD_NS;
		start = now_ns();
		err = client_request(client, req, &resp, 30000);
		took[nr++] = (now_ns() - start) / NSEC_PER_USEC;
		json_object_put(resp);
		resp = NULL;
	}
	if (err)
		fprintf(stderr, "clients: ping: %s\n", client ? client_message(client) : strerror(-err));
	qsort(took, nr, sizeof(*took), compare);
	if (nr)
		printf("pings %zu ping_p50_us %" PRIu64 " ping_p99_us %" PRIu64 " ping_max_us %" PRIu64 "\n", nr, took[nr / 2],
		       took[nr * 99 / 100], took[nr - 1]);
	fflush(stdout);
	json_object_put(req);
	client_free(client);
	return err ? 1 : 0;
}

static void leave(struct one *one, uint64_t now)
{
	close_fd(one->fd);
	one->fd = -1;
	one->sent = 0;
	one->next_ns = now + 100 * NSEC_PER_MSEC;
	nr_closed++;
}

static void come(struct one *one, const struct sockaddr_un *addr, uint64_t now)
{
	one->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (one->fd < 0 || connect(one->fd, (const struct sockaddr *)addr, sizeof(*addr))) {
		one->fd = close_fd(one->fd);
		one->next_ns = now + 100 * NSEC_PER_MSEC;
		return;
	}
	nr_connects++;
	one->next_ns = now;
}

/* What its kind does when it may. */
static void act(struct one *one, const char *line, uint64_t now)
{
	static const char ask[] = "{\"req\":\"stats_meta\"}\n", busy[] = "{\"req\":\"stats\",\"args\":{\"target\":\"chains\"}}\n";
	ssize_t n = 0;

	switch (one->kind) {
	case DEAF:
		n = send(one->fd, ask, strlen(ask), MSG_NOSIGNAL);
		one->next_ns = now + 10 * NSEC_PER_MSEC;
		break;
	case HALF:
		n = send(one->fd, "{\"req\":\"st", 10, MSG_NOSIGNAL);
		one->next_ns = now + NSEC_PER_SEC;
		break;
	case LONG:
		if (one->sent < LONG_LINE)
			n = send(one->fd, line + one->sent, LONG_LINE - one->sent, MSG_NOSIGNAL);
		if (n > 0)
			one->sent += (size_t)n;
		break;
	case BUSY:
		n = send(one->fd, busy, strlen(busy), MSG_NOSIGNAL);
		one->next_ns = UINT64_MAX;
		break;
	default:
		one->next_ns = UINT64_MAX;
	}
	if (n < 0 && errno != EAGAIN)
		leave(one, now);
}

static void hear(struct one *one, uint64_t now)
{
	char buf[65536];
	ssize_t n = recv(one->fd, buf, sizeof(buf), 0);

	if (n <= 0) {
		if (n == 0 || errno != EAGAIN)
			leave(one, now);
		return;
	}
	for (ssize_t i = 0; i < n; i++)
		nr_answers += buf[i] == '\n';
	if (n > 10 && strncmp(buf, "{\"errno\":0,", 11))
		nr_told++;
	if (one->kind == BUSY && buf[n - 1] == '\n')
		one->next_ns = 0;
}

static int crowd(const char *path, unsigned int seconds, size_t nr)
{
	static struct one all[CROWD_MAX];
	static struct pollfd polls[CROWD_MAX];
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	uint64_t end = now_ns() + seconds * NSEC_PER_SEC, now;
	char *line = malloc(LONG_LINE);

	if (!line || nr > CROWD_MAX || strlen(path) >= sizeof(addr.sun_path))
		return 1;
	strcpy(addr.sun_path, path);
	memset(line, 'x', LONG_LINE);
	for (size_t i = 0; i < nr; i++)
		all[i] = (struct one){ .fd = -1, .kind = (enum kind)(i % NR_KINDS) };
	while ((now = now_ns()) < end) {
		for (size_t i = 0; i < nr; i++) {
			struct one *one = &all[i];
			bool may_send = one->kind == LONG || one->next_ns <= now;

			if (one->fd < 0 && one->next_ns <= now)
				come(one, &addr, now);
			polls[i] = (struct pollfd){ .fd = one->fd, .events = 0 };
			/* The deaf ones never read. */
			if (one->fd >= 0 && one->kind != DEAF)
				polls[i].events |= POLLIN;
			if (one->fd >= 0 && may_send && !(one->kind == LONG && one->sent == LONG_LINE))
				polls[i].events |= POLLOUT;
		}
		if (poll(polls, nr, 20) < 0 && errno != EINTR)
			return 1;
		now = now_ns();
		for (size_t i = 0; i < nr; i++) {
			if (polls[i].revents & POLLIN)
				hear(&all[i], now);
			if (all[i].fd >= 0 && polls[i].revents & POLLOUT)
				act(&all[i], line, now);
			else if (all[i].fd >= 0 && polls[i].revents & (POLLHUP | POLLERR) && !(polls[i].revents & POLLIN))
				leave(&all[i], now);
		}
	}
	printf("crowd %zu connects %" PRIu64 " closed %" PRIu64 " told %" PRIu64 " answers %" PRIu64 "\n", nr, nr_connects,
	       nr_closed, nr_told, nr_answers);
	fflush(stdout);
	free(line);
	return 0;
}

/* ---- the real rooms in a process of their own ---- */

struct world {
	struct loop *loop;
	struct serve *serve;
};

static void take(void *data, struct stats_snapshot *snapshot)
{
	struct world *world = data;
	uint64_t *words = (uint64_t *)&snapshot->kernel;

	/* As long as figures of a few hours. */
	for (size_t i = 0; i < sizeof(snapshot->kernel) / sizeof(*words); i++)
		words[i] = 123456789 + i;
	snapshot->time_ns = now_ns();
	snapshot->loop = *loop_facts(world->loop);
	serve_read(world->serve, snapshot->servers);
}

static struct scheduling *no_scheduling(void *data)
{
	return NULL;
}

static void no_stop(void *data)
{
}

static int end(struct timer *timer, uint64_t now)
{
	return -ECANCELED;
}

static uint64_t resident_kib(void)
{
	FILE *file = fopen("/proc/self/status", "re");
	unsigned long kib = 0;
	char line[128];

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "VmHWM: %lu", &kib) == 1)
			break;
	if (file)
		fclose(file);
	return kib;
}

static int run_server(const char *path, unsigned int seconds, int ready_fd)
{
	static const struct serve_ops ops = { .take_snapshot = take, .scheduling = no_scheduling, .stop = no_stop };
	struct world world = {};
	struct serve_config config = { .stats_path = path, .control_path = "", .ops = &ops, .data = &world };
	struct timer timer;
	uint64_t before, slow = 0;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* As the daemon does; without the privilege the figures are those of a machine that is shared. */
	if (setpriority(PRIO_PROCESS, 0, -10))
		fprintf(stderr, "clients: priority stays as it is\n");
	timer_init(&timer, "end", end);
	if (events_new(&config.events) || loop_new(&world.loop))
		return 1;
	config.loop = world.loop;
	before = resident_kib();
	if (serve_new(&config, &world.serve) || write(ready_fd, "x", 1) != 1)
		return 1;
	timer_arm(&timer, world.loop, now_ns() + seconds * NSEC_PER_SEC, 0);
	loop_run(world.loop);
	/* [13] begins at 4096 us. */
	for (size_t i = 13; i < LOOP_HIST_BUCKETS; i++)
		slow += loop_facts(world.loop)->round_hist[i];
	printf("rounds %" PRIu64 " round_max_us %" PRIu64 " rounds_over_4096_us %" PRIu64 " busy_ms %" PRIu64 "\n",
	       loop_facts(world.loop)->nr_wakeups, (uint64_t)(loop_facts(world.loop)->round_max_ns / NSEC_PER_USEC), slow,
	       (uint64_t)(loop_facts(world.loop)->busy_ns / NSEC_PER_MSEC));
	printf("resident_kib %" PRIu64 " before %" PRIu64 " requests %" PRIu64 " full %" PRIu64 " dropped %" PRIu64 "\n",
	       resident_kib(), before, server_facts(serve_stats_server(world.serve))->nr_requests,
	       server_facts(serve_stats_server(world.serve))->nr_full,
	       server_facts(serve_stats_server(world.serve))->nr_dropped);
	fflush(stdout);
	serve_free(world.serve);
	events_free(config.events);
	loop_free(world.loop);
	return 0;
}

static int native(unsigned int seconds, size_t nr)
{
	char dir[] = "/tmp/arcade-clients-XXXXXX", path[64], byte;
	int ready[2], status, bad = 0;
	pid_t server;

	if (!mkdtemp(dir) || pipe(ready))
		return 1;
	snprintf(path, sizeof(path), "%s/stats", dir);
	server = fork();
	if (!server)
		_exit(run_server(path, seconds + 3, ready[1]));
	if (read(ready[0], &byte, 1) != 1)
		return 1;
	/* The one that behaves is there before the crowd: afterwards there is no place. */
	if (!fork()) {
		/* What is measured is the server, not how the machine shares its CPUs out to its clients. */
		setpriority(PRIO_PROCESS, 0, -10);
		_exit(ping(path, seconds));
	}
	usleep(200000);
	if (!fork())
		_exit(crowd(path, seconds, nr));
	while (wait(&status) > 0)
		bad |= !WIFEXITED(status) || WEXITSTATUS(status);
	rmdir(dir);
	return bad;
}

int main(int argc, char **argv)
{
	if (argc == 4 && streq(argv[1], "ping"))
		return ping(argv[2], (unsigned int)atoi(argv[3]));
	if (argc == 5 && streq(argv[1], "crowd"))
		return crowd(argv[2], (unsigned int)atoi(argv[3]), (size_t)atoi(argv[4]));
	if (argc == 4 && streq(argv[1], "native"))
		return native((unsigned int)atoi(argv[2]), (size_t)atoi(argv[3]));
	fprintf(stderr, "usage: clients ping PATH SECONDS | crowd PATH SECONDS N | native SECONDS N\n");
	return 2;
}

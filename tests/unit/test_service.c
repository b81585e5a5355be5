/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the service manager is told, as a socket of the test's own receives it.
 */
#include "unit.h"

#include <poll.h>

#include "log.h"
#include "service.h"

#define MESSAGE_MAX 2048

struct world {
	char *dir;
	int manager;	/* its end of the socket */
	struct loop *loop;
	struct service service;
	struct timer end;
};

static int end_loop(struct timer *timer, uint64_t now)
{
	loop_stop(container_of(timer, struct world, end)->loop, 1);
	return 0;
}

static void run_for(struct world *world, uint64_t ns)
{
	timer_arm(&world->end, world->loop, now_ns() + ns, 0);
	assert_int_equal(loop_run(world->loop), 1);
}

static int listen_at(const char *name, size_t name_len)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	assert_true(name_len <= sizeof(address.sun_path));
	memcpy(address.sun_path, name, name_len);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + name_len)), 0);
	return fd;
}

static void clear_environment(void)
{
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
}

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	char path[108];

	assert_non_null(world);
	world->dir = unit_tempdir_new();
	snprintf(path, sizeof(path), "%s/notify", world->dir);
	world->manager = listen_at(path, strlen(path) + 1);
	assert_int_equal(loop_new(&world->loop), 0);
	timer_init(&world->end, "end", end_loop);
	world->service = (struct service)SERVICE_INIT;
	clear_environment();
	setenv("NOTIFY_SOCKET", path, 1);
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;

	service_deinit(&world->service);
	loop_free(world->loop);
	close(world->manager);
	unit_tempdir_free(world->dir);
	free(world);
	clear_environment();
	return 0;
}

/* The oldest message, or "" if there is none. */
static const char *receive(int fd)
{
	static char text[MESSAGE_MAX];
	ssize_t n = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);

	assert_true(n >= 0 || errno == EAGAIN);
	text[n < 0 ? 0 : n] = '\0';
	return text;
}

#define assert_told(world, text) assert_string_equal(receive((world)->manager), text)

static uint64_t number_behind(const char *text, const char *key)
{
	const char *at = strstr(text, key);

	assert_non_null(at);
	return strtoull(at + strlen(key), NULL, 10);
}

static void test_life(void **state)
{
	struct world *world = *state;
	struct service *service = &world->service;
	uint64_t before = now_ns() / 1000, told;
	const char *text;

	service_init(service, world->loop);
	assert_told(world, "");
	service_working(service, "loading");
	assert_told(world, "STATUS=loading");
	service_ready(service, "scheduling");
	assert_told(world, "READY=1\nSTATUS=scheduling");
	service_status(service, "game 1234");
	assert_told(world, "READY=1\nSTATUS=game 1234");

	service_reloading(service);
	text = receive(world->manager);
	assert_int_equal(strncmp(text, "RELOADING=1\nMONOTONIC_USEC=", 27), 0);
	told = number_behind(text, "MONOTONIC_USEC=");
	assert_true(told >= before && told <= now_ns() / 1000);
	/* What it said of itself before still holds. */
	service_ready(service, NULL);
	assert_told(world, "READY=1\nSTATUS=game 1234");

	service_stopping(service, "stopping");
	assert_told(world, "STOPPING=1\nSTATUS=stopping");
	assert_told(world, "");
}

static void test_without_manager(void **state)
{
	struct world *world = *state;
	int fds = unit_count_fds();

	unsetenv("NOTIFY_SOCKET");
	setenv("WATCHDOG_USEC", "30000", 1);
	service_init(&world->service, world->loop);
	assert_int_equal(unit_count_fds(), fds);
	service_working(&world->service, "loading");
	service_ready(&world->service, "scheduling");
	service_reloading(&world->service);
	service_status(&world->service, "x");
	run_for(world, 50 * NSEC_PER_MSEC);
	service_stopping(&world->service, "stopping");
	assert_told(world, "");
	/* Only the timer of the test itself. */
	assert_int_equal(loop_wakeups(world->loop), 1);
}

/* Count the feedings within @ns. */
static int feedings(struct world *world, uint64_t ns)
{
	const char *text;
	int nr = 0;

	run_for(world, ns);
	while (*(text = receive(world->manager)))
		nr += streq(text, "WATCHDOG=1");
	return nr;
}

static void test_watchdog(void **state)
{
	struct world *world = *state;
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	setenv("WATCHDOG_USEC", "300000", 1);
	setenv("WATCHDOG_PID", pid, 1);
	service_init(&world->service, world->loop);
	/* At 0, 100, 200, 300, 400 ms: what a busy machine leaves out is not caught up. */
	assert_in_range(feedings(world, 450 * NSEC_PER_MSEC), 3, 5);
}

static void test_watchdog_of_another(void **state)
{
	struct world *world = *state;

	setenv("WATCHDOG_USEC", "30000", 1);
	setenv("WATCHDOG_PID", "1", 1);
	service_init(&world->service, world->loop);
	assert_int_equal(feedings(world, 100 * NSEC_PER_MSEC), 0);
}

static void test_watchdog_too_short(void **state)
{
	struct world *world = *state;

	setenv("WATCHDOG_USEC", "1", 1);
	service_init(&world->service, world->loop);
	/* Every 10 ms at most, not in every turn of the loop. */
	assert_in_range(feedings(world, 100 * NSEC_PER_MSEC), 1, 11);
}

static void test_odd_watchdogs(void **state)
{
	static const char *const odd[] = { "", "0", "-1", "x", "30s", "99999999999999999999999", " 1000000" };
	struct world *world = *state;

	for (size_t i = 0; i < ARRAY_SIZE(odd); i++) {
		setenv("WATCHDOG_USEC", odd[i], 1);
		service_init(&world->service, world->loop);
		assert_int_equal(feedings(world, 20 * NSEC_PER_MSEC), 0);
		service_ready(&world->service, "scheduling");
		assert_told(world, "READY=1\nSTATUS=scheduling");
		service_deinit(&world->service);
	}
}

/* While the kernel verifies, nobody feeds: the time is made longer, and as it was again. */
static void test_stretched(void **state)
{
	struct world *world = *state;
	struct service *service = &world->service;

	setenv("WATCHDOG_USEC", "30000000", 1);
	service_init(service, world->loop);
	service_working(service, "loading");
	assert_told(world, "STATUS=loading");
	assert_int_equal(number_behind(receive(world->manager), "WATCHDOG=1\nWATCHDOG_USEC="), SERVICE_WORK_NS / 1000);
	service_working(service, "still loading");
	assert_told(world, "STATUS=still loading");
	service_ready(service, "scheduling");
	assert_told(world, "WATCHDOG=1\nWATCHDOG_USEC=30000000");
	assert_told(world, "READY=1\nSTATUS=scheduling");
	service_ready(service, "scheduling");
	assert_told(world, "READY=1\nSTATUS=scheduling");
	assert_told(world, "");
}

static void test_odd_sockets(void **state)
{
	static const char *const odd[] = {
		"", "notify", "@", "/", "vsock:2:1234", "\n",
		"/a/path/that/is/longer/than/an/address/of/a/socket/can/be/a/path/that/is/longer/than/an/address/of/a/socket/can/be",
	};
	struct world *world = *state;
	int fds = unit_count_fds();

	for (size_t i = 0; i < ARRAY_SIZE(odd); i++) {
		setenv("NOTIFY_SOCKET", odd[i], 1);
		service_init(&world->service, world->loop);
		service_ready(&world->service, "scheduling");
		service_stopping(&world->service, "stopping");
		assert_int_equal(unit_count_fds(), fds);
		service_deinit(&world->service);
	}
}

static void test_abstract(void **state)
{
	struct world *world = *state;
	char name[64];
	int fd, len;

	len = snprintf(name, sizeof(name), "@arcade-unit-%d", (int)getpid());
	setenv("NOTIFY_SOCKET", name, 1);
	name[0] = '\0';
	fd = listen_at(name, (size_t)len);
	service_init(&world->service, world->loop);
	service_ready(&world->service, "scheduling");
	assert_string_equal(receive(fd), "READY=1\nSTATUS=scheduling");
	close(fd);
}

/* A manager that does not read holds nobody up, and is told when it reads again. */
static void test_full_queue(void **state)
{
	struct world *world = *state;
	struct service *service = &world->service;
	uint64_t before;
	char text[MESSAGE_MAX] = "", last[MESSAGE_MAX] = "";
	int nr = 0;

	service_init(service, world->loop);
	before = now_ns();
	for (int i = 0; i < 100000 && !service->owed; i++)
		service_status(service, "filling");
	assert_true(service->owed);
	service_ready(service, "scheduling");
	assert_true(now_ns() - before < 10 * NSEC_PER_SEC);
	run_for(world, 250 * NSEC_PER_MSEC);
	assert_true(service->owed);
	while (*strcpy(text, receive(world->manager)))
		nr++;
	assert_true(nr > 0);
	run_for(world, 250 * NSEC_PER_MSEC);
	assert_false(service->owed);
	while (*strcpy(text, receive(world->manager)))
		strcpy(last, text);
	assert_string_equal(last, "READY=1\nSTATUS=scheduling");
	run_for(world, 250 * NSEC_PER_MSEC);
	assert_told(world, "");
}

/* One that went: tried again now and then, no error, no signal. */
static void test_gone(void **state)
{
	struct world *world = *state;
	char path[108];

	service_init(&world->service, world->loop);
	close(world->manager);
	service_ready(&world->service, "scheduling");
	assert_true(world->service.owed);
	run_for(world, 150 * NSEC_PER_MSEC);
	assert_in_range(loop_wakeups(world->loop), 1, 4);
	snprintf(path, sizeof(path), "%s/notify", world->dir);
	assert_int_equal(unlink(path), 0);
	world->manager = listen_at(path, strlen(path) + 1);
	run_for(world, 250 * NSEC_PER_MSEC);
	assert_told(world, "READY=1\nSTATUS=scheduling");
}

/* One assignment per line is the protocol: a status must not add any. */
static void test_hostile_status(void **state)
{
	char text[2 * SERVICE_STATUS_MAX];
	struct world *world = *state;
	const char *said;

	service_init(&world->service, world->loop);
	service_status(&world->service, "Game\nMAINPID=1\r\033[2J\xff");
	said = receive(world->manager);
	assert_null(strchr(said, '\n'));
	assert_null(strchr(said, '\033'));
	assert_non_null(strstr(said, "Game\\nMAINPID=1"));
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	service_status(&world->service, text);
	said = receive(world->manager);
	assert_int_equal(strlen(said), strlen("STATUS=") + SERVICE_STATUS_MAX - 1);
}

static void test_again_and_again(void **state)
{
	struct world *world = *state;
	int fds = unit_count_fds();

	setenv("WATCHDOG_USEC", "30000000", 1);
	for (int i = 0; i < 100; i++) {
		service_init(&world->service, world->loop);
		service_ready(&world->service, "scheduling");
		service_stopping(&world->service, "stopping");
		service_deinit(&world->service);
		while (*receive(world->manager))
			;
	}
	assert_int_equal(unit_count_fds(), fds);
	service_deinit(&world->service);
}

static void test_without_descriptors(void **state)
{
	struct world *world = *state;
	struct rlimit old = unit_forbid_fds();

	service_init(&world->service, world->loop);
	unit_allow_fds(old);
	service_ready(&world->service, "scheduling");
	assert_told(world, "");
}

#define SERVICE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SERVICE_TEST(test_life),
		SERVICE_TEST(test_without_manager),
		SERVICE_TEST(test_watchdog),
		SERVICE_TEST(test_watchdog_of_another),
		SERVICE_TEST(test_watchdog_too_short),
		SERVICE_TEST(test_odd_watchdogs),
		SERVICE_TEST(test_stretched),
		SERVICE_TEST(test_odd_sockets),
		SERVICE_TEST(test_abstract),
		SERVICE_TEST(test_full_queue),
		SERVICE_TEST(test_gone),
		SERVICE_TEST(test_hostile_status),
		SERVICE_TEST(test_again_and_again),
		SERVICE_TEST(test_without_descriptors),
	};

	return cmocka_run_group_tests_name("service", tests, NULL, NULL);
}

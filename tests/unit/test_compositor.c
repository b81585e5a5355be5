/* SPDX-License-Identifier: GPL-2.0-only */
#include "unit.h"

#include "compositor.h"

static void test_finds_the_foremost(void **state)
{
	char *proc = unit_tempdir_new(), path[600];

	assert_int_equal(compositor_find(proc), 0);
	unit_write_text(proc, "12/comm", "bash\n");
	unit_write_text(proc, "sys/comm", "kwin_wayland\n");
	unit_write_text(proc, "1/comm", "kwin_wayland\n");
	unit_write_text(proc, "99/comm", "kwin_wayland2\n");
	assert_int_equal(compositor_find(proc), 0);
	unit_write_text(proc, "700/comm", "Xorg\n");
	assert_int_equal(compositor_find(proc), 700);
	unit_write_text(proc, "701/comm", "kwin_wayland\n");
	unit_write_text(proc, "800/comm", "Xorg\n");
	assert_int_equal(compositor_find(proc), 701);
	/* Processes that end meanwhile, and worse. */
	unit_write_bytes(proc, "702/comm", "a\0b", 3);
	unit_write_text(proc, "703/comm", "");
	snprintf(path, sizeof(path), "%s/704", proc);
	assert_int_equal(mkdir(path, 0755), 0);
	snprintf(path, sizeof(path), "%s/704/comm", proc);
	assert_int_equal(mkfifo(path, 0666), 0);
	assert_int_equal(compositor_find(proc), 701);
	unit_tempdir_free(proc);
}

static void test_no_proc(void **state)
{
	int nr_fds = unit_count_fds();

	assert_int_equal(compositor_find("/nonexistent"), 0);
	assert_true(compositor_find("/proc") >= 0);
	assert_int_equal(unit_count_fds(), nr_fds);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_finds_the_foremost),
		cmocka_unit_test(test_no_proc),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

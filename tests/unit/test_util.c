/* SPDX-License-Identifier: GPL-2.0-only */
#include "unit.h"

#include "util.h"

static void test_u64_good(void **state)
{
	uint64_t value = 7;

	(void)state;
	assert_int_equal(parse_u64_range("0", 0, 10, &value), 0);
	assert_int_equal(value, 0);
	assert_int_equal(parse_u64_range("10", 0, 10, &value), 0);
	assert_int_equal(value, 10);
	assert_int_equal(parse_u64_range("0000000000000000000000005", 5, 5, &value), 0);
	assert_int_equal(value, 5);
	assert_int_equal(parse_u64_range("18446744073709551615", 0, UINT64_MAX, &value), 0);
	assert_true(value == UINT64_MAX);
}

static void test_u64_bad(void **state)
{
	static const char *const malformed[] = {
		"", " ", "+1", "-1", " 1", "1 ", "1\n", "0x10", "1e3", "1.0", "abc", "1a", "\t1", "--1", "\xd9\xa1", "1,000",
	};
	uint64_t value = 7;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(malformed); i++)
		assert_int_equal(parse_u64_range(malformed[i], 0, UINT64_MAX, &value), -EINVAL);
	assert_int_equal(parse_u64_range("11", 0, 10, &value), -ERANGE);
	assert_int_equal(parse_u64_range("4", 5, 10, &value), -ERANGE);
	assert_int_equal(parse_u64_range("18446744073709551616", 0, UINT64_MAX, &value), -ERANGE);
	assert_int_equal(parse_u64_range("99999999999999999999999999", 0, UINT64_MAX, &value), -ERANGE);
	/* Malformed and too large: malformed is said. */
	assert_int_equal(parse_u64_range("99999999999999999999999999x", 0, UINT64_MAX, &value), -EINVAL);
	assert_int_equal(value, 7);
}

static void test_seconds(void **state)
{
	static const char *const malformed[] = { "", ".", ".5", "1.", "1..2", "1.2.3", "-1", "1s", " 1", "1,5",
						 "1.0000000001", "0x1", "1e1", "nan", "inf" };
	uint64_t ns = 7;

	(void)state;
	assert_int_equal(parse_seconds_range("1", 0, UINT64_MAX, &ns), 0);
	assert_true(ns == NSEC_PER_SEC);
	assert_int_equal(parse_seconds_range("0.1", 100000000, UINT64_MAX, &ns), 0);
	assert_true(ns == 100000000);
	assert_int_equal(parse_seconds_range("3600.000000000", 0, 3600 * NSEC_PER_SEC, &ns), 0);
	assert_true(ns == 3600 * NSEC_PER_SEC);
	assert_int_equal(parse_seconds_range("0.000000001", 0, UINT64_MAX, &ns), 0);
	assert_true(ns == 1);

	ns = 7;
	for (size_t i = 0; i < ARRAY_SIZE(malformed); i++)
		assert_int_equal(parse_seconds_range(malformed[i], 0, UINT64_MAX, &ns), -EINVAL);
	assert_int_equal(parse_seconds_range("3600.000000001", 0, 3600 * NSEC_PER_SEC, &ns), -ERANGE);
	assert_int_equal(parse_seconds_range("0.09", 100000000, UINT64_MAX, &ns), -ERANGE);
	assert_int_equal(parse_seconds_range("18446744074", 0, UINT64_MAX, &ns), -ERANGE);
	assert_int_equal(parse_seconds_range("18446744073.999999999", 0, UINT64_MAX, &ns), -ERANGE);
	assert_int_equal(parse_seconds_range("99999999999999999999999", 0, UINT64_MAX, &ns), -ERANGE);
	assert_int_equal(ns, 7);
}

static void test_cpulist_good(void **state)
{
	struct cpu_bitmap map;
	int expected[] = { 0, 1, 2, 3, 8, 10, 11 };
	size_t i = 0;

	(void)state;
	assert_int_equal(parse_cpulist("0-3,8,10-11", &map), 0);
	assert_int_equal(cpu_bitmap_weight(&map), 7);
	cpu_bitmap_for_each(cpu, &map)
		assert_int_equal(cpu, expected[i++]);
	assert_int_equal(i, 7);
	assert_false(cpu_bitmap_test(&map, 9));

	assert_int_equal(parse_cpulist("", &map), 0);
	assert_int_equal(cpu_bitmap_weight(&map), 0);
	assert_int_equal(cpu_bitmap_next(&map, 0), -1);

	assert_int_equal(parse_cpulist("0-1023", &map), 0);
	assert_int_equal(cpu_bitmap_weight(&map), CPU_BITMAP_BITS);
	assert_int_equal(cpu_bitmap_next(&map, 1023), 1023);
	assert_int_equal(cpu_bitmap_next(&map, 1024), -1);
	assert_int_equal(cpu_bitmap_next(&map, UINT32_MAX), -1);

	/* Not sorted and with overlaps: not what the kernel prints, but clear. */
	assert_int_equal(parse_cpulist("63-64,5,5,1", &map), 0);
	assert_int_equal(cpu_bitmap_weight(&map), 4);
	assert_true(cpu_bitmap_test(&map, 64));
}

static void test_cpulist_bad(void **state)
{
	static const char *const malformed[] = {
		",",   "0,",	"0,,1", ",0",	"-",	"-1",	 "1-",	"3-1",	  "0-3-5",     "0 1", "a",
		"0-a", "0x1-3", "+1",	" 0-3", "0-3 ", "0-3\n", "0:1", "0-31:2", "0-99999999999999999999x", "1024-0",
	};
	struct cpu_bitmap map, before;

	(void)state;
	memset(&map, 0x5a, sizeof(map));
	before = map;
	for (size_t i = 0; i < ARRAY_SIZE(malformed); i++)
		assert_int_equal(parse_cpulist(malformed[i], &map), -EINVAL);
	assert_int_equal(parse_cpulist("1024", &map), -ERANGE);
	assert_int_equal(parse_cpulist("0-1024", &map), -ERANGE);
	assert_int_equal(parse_cpulist("0-18446744073709551615", &map), -ERANGE);
	assert_int_equal(parse_cpulist("99999999999999999999999,0", &map), -ERANGE);
	assert_memory_equal(&map, &before, sizeof(map));
}

static void test_bitmap_bounds(void **state)
{
	struct cpu_bitmap map = {};

	(void)state;
	cpu_bitmap_set(&map, CPU_BITMAP_BITS);
	cpu_bitmap_set(&map, UINT32_MAX);
	assert_int_equal(cpu_bitmap_weight(&map), 0);
	assert_false(cpu_bitmap_test(&map, CPU_BITMAP_BITS));
	assert_false(cpu_bitmap_test(&map, UINT32_MAX));
}

/* Prints a set as the kernel does: the parser must read back what it is. */
static void print_cpulist(const struct cpu_bitmap *map, char *buf)
{
	*buf = '\0';
	for (int cpu = cpu_bitmap_next(map, 0); cpu >= 0;) {
		int last = cpu;

		while (cpu_bitmap_test(map, (uint32_t)last + 1))
			last++;
		buf += sprintf(buf, last > cpu ? "%d-%d" : "%d", cpu, last);
		cpu = cpu_bitmap_next(map, (uint32_t)last + 1);
		if (cpu >= 0)
			buf += sprintf(buf, ",");
	}
}

static void test_cpulist_round_trip(void **state)
{
	struct unit_random random = { 0x1234567 };
	char text[8192];

	(void)state;
	for (int round = 0; round < 200; round++) {
		struct cpu_bitmap map = {}, back;
		uint32_t n = unit_random_below(&random, 300);

		for (uint32_t i = 0; i < n; i++)
			cpu_bitmap_set(&map, unit_random_below(&random, CPU_BITMAP_BITS));
		print_cpulist(&map, text);
		assert_int_equal(parse_cpulist(text, &back), 0);
		assert_memory_equal(&map, &back, sizeof(map));
	}
}

static void test_parsers_fuzz(void **state)
{
	struct unit_random random = { 0xa5c4de };
	char text[65];
	int good = 0;

	(void)state;
	for (int round = 0; round < FUZZ_ROUNDS; round++) {
		struct cpu_bitmap map = {};
		uint64_t value = 0;
		int r;

		unit_random_string(&random, "0123456789,-", text, unit_random_below(&random, 64));
		r = parse_u64_range(text, 3, 77777, &value);
		assert_true(r == 0 || r == -EINVAL || r == -ERANGE);
		if (r == 0) {
			char back[32];
			const char *digits = text + strspn(text, "0");

			/* Accepted means: only digits, and exactly this number. */
			snprintf(back, sizeof(back), "%llu", (unsigned long long)value);
			assert_string_equal(back, digits);
			assert_in_range(value, 3, 77777);
			good++;
		} else {
			assert_int_equal(value, 0);
		}

		r = parse_cpulist(text, &map);
		assert_true(r == 0 || r == -EINVAL || r == -ERANGE);
		if (r == 0) {
			assert_int_equal(strspn(text, "0123456789,-"), strlen(text));
			good++;
		} else {
			assert_int_equal(cpu_bitmap_weight(&map), 0);
		}

		for (char *p = text; *p; p++)
			if (*p == ',')
				*p = '.';
		r = parse_seconds_range(text, 0, UINT64_MAX, &value);
		assert_true(r == 0 || r == -EINVAL || r == -ERANGE);
		if (r == 0)
			good++;
	}
	/* A fuzzer that never gets through tests nothing. */
	assert_true(good > 100);
}

static int setup_dir(void **state)
{
	*state = unit_tempdir_new();
	return 0;
}

static int teardown_dir(void **state)
{
	unit_tempdir_free(*state);
	return 0;
}

static void test_read_line(void **state)
{
	_cleanup_close_ int dirfd = open(*state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char buf[16] = "before";
	uint64_t value = 7;

	unit_write_text(*state, "word", "Unified\nsecond line\n");
	unit_write_text(*state, "bare", "12");
	unit_write_text(*state, "empty", "");
	unit_write_text(*state, "newline", "\n12\n");
	unit_write_text(*state, "fits", "123456789012345\n");
	unit_write_text(*state, "long", "1234567890123456\n");
	unit_write_bytes(*state, "nul", "1\0002\n", 4);
	unit_write_bytes(*state, "nul-behind", "12\n\0", 4);

	assert_int_equal(read_file_line_at(dirfd, "absent", buf, sizeof(buf)), -ENOENT);
	assert_int_equal(read_file_line_at(dirfd, ".", buf, sizeof(buf)), -EISDIR);
	assert_int_equal(read_file_line_at(-1, "word", buf, sizeof(buf)), -EBADF);
	assert_int_equal(read_file_line_at(dirfd, "long", buf, sizeof(buf)), -EMSGSIZE);
	assert_int_equal(read_file_line_at(dirfd, "nul", buf, sizeof(buf)), -EINVAL);
	assert_string_equal(buf, "before");

	assert_int_equal(read_file_line_at(dirfd, "word", buf, sizeof(buf)), 0);
	assert_string_equal(buf, "Unified");
	assert_int_equal(read_file_line_at(dirfd, "fits", buf, sizeof(buf)), 0);
	assert_string_equal(buf, "123456789012345");
	assert_int_equal(read_file_line_at(dirfd, "empty", buf, sizeof(buf)), 0);
	assert_string_equal(buf, "");
	assert_int_equal(read_file_line_at(dirfd, "newline", buf, sizeof(buf)), 0);
	assert_string_equal(buf, "");
	assert_int_equal(read_file_line_at(dirfd, "nul-behind", buf, sizeof(buf)), 0);
	assert_string_equal(buf, "12");

	assert_int_equal(read_file_u64_at(dirfd, "bare", 0, 100, &value), 0);
	assert_int_equal(value, 12);
	assert_int_equal(read_file_u64_at(dirfd, "bare", 0, 11, &value), -ERANGE);
	assert_int_equal(read_file_u64_at(dirfd, "word", 0, 11, &value), -EINVAL);
	assert_int_equal(value, 12);
}

static void test_read_line_never_waits(void **state)
{
	_cleanup_close_ int dirfd = open(*state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char path[512], buf[READ_LINE_MAX + 16], *huge;
	int fds = unit_count_fds();

	snprintf(path, sizeof(path), "%s/fifo", (char *)*state);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(read_file_line_at(dirfd, "fifo", buf, sizeof(buf)), 0);
	assert_string_equal(buf, "");

	/* Endless, and without a newline. */
	assert_int_equal(read_file_line_at(dirfd, "/dev/zero", buf, sizeof(buf)), -EINVAL);

	huge = malloc(1 << 20);
	assert_non_null(huge);
	memset(huge, '1', 1 << 20);
	unit_write_bytes(*state, "huge", huge, 1 << 20);
	free(huge);
	assert_int_equal(read_file_line_at(dirfd, "huge", buf, sizeof(buf)), -EMSGSIZE);
	assert_int_equal(unit_count_fds(), fds);
}

static void check_escape(const char *src, size_t size, const char *expected)
{
	char dst[128];
	size_t len;

	memset(dst, 'Z', sizeof(dst));
	len = escape_text(dst, size, src);
	assert_string_equal(dst, expected);
	assert_int_equal(len, strlen(expected));
	assert_int_equal(dst[size], 'Z');
}

static void test_escape(void **state)
{
	(void)state;
	check_escape("", 100, "");
	check_escape("plain text", 100, "plain text");
	check_escape("a\nb\tc\rd\033[2Je\177", 100, "a\\nb\\tc\\rd\\x1b[2Je\\x7f");
	check_escape("gr\xc3\xbc\xc3\x9f \xe2\x9c\x93 \xf0\x9f\x8e\xae", 100, "gr\xc3\xbc\xc3\x9f \xe2\x9c\x93 \xf0\x9f\x8e\xae");
	/* C1 in UTF-8 and as a byte, overlong, surrogate, too large, cut short. */
	check_escape("\xc2\x9b", 100, "\\xc2\\x9b");
	check_escape("\x9b", 100, "\\x9b");
	check_escape("\xc0\xaf", 100, "\\xc0\\xaf");
	check_escape("\xe0\x80\x8a", 100, "\\xe0\\x80\\x8a");
	check_escape("\xed\xa0\x80", 100, "\\xed\\xa0\\x80");
	check_escape("\xf4\x90\x80\x80", 100, "\\xf4\\x90\\x80\\x80");
	check_escape("\xf0\x9f\x8e", 100, "\\xf0\\x9f\\x8e");
	check_escape("\xe2", 100, "\\xe2");

	/* The edge: seven characters and the NUL fit eight bytes. */
	check_escape("1234567", 8, "1234567");
	check_escape("12345678", 8, "1234...");
	check_escape("123\n\n", 8, "123\\n\\n");
	check_escape("123\n\n\n", 8, "123...");
	check_escape("\xe2\x9c\x93\xe2\x9c\x93\xe2\x9c\x93", 8, "\xe2\x9c\x93...");
	check_escape("1234", 4, "...");
	check_escape("123", 4, "123");
}

static void test_escape_fuzz(void **state)
{
	struct unit_random random = { 0xe5ca9e };
	char text[201], dst[256];

	(void)state;
	for (int round = 0; round < FUZZ_ROUNDS; round++) {
		size_t size = 4 + unit_random_below(&random, 250);
		size_t len;

		unit_random_string(&random, "ab\n\033\xc2\x80\xe2\x9c\x93\xf0\x9f\x8e\xae", text, 200);
		memset(dst, 'Z', sizeof(dst));
		len = escape_text(dst, size, text);
		assert_true(len < size);
		assert_int_equal(dst[len], '\0');
		assert_int_equal(strlen(dst), len);
		if (size < sizeof(dst))
			assert_int_equal(dst[size], 'Z');
		for (size_t i = 0; i < len; i++)
			assert_true((unsigned char)dst[i] >= 0x20 && dst[i] != 0x7f);
		/* Safe text stays as it is. */
		if (len + 1 < size) {
			char again[256];

			escape_text(again, sizeof(again), dst);
			assert_string_equal(again, dst);
		}
	}
}

struct thing {
	int nr_freed;
};

static int nr_things_freed;

static void thing_free(struct thing *thing)
{
	if (thing)
		nr_things_freed++;
	free(thing);
}
DEFINE_CLEANUP(struct thing *, thing_free)

static struct thing *make_thing(bool hand_over)
{
	_cleanup_(thing_freep) struct thing *thing = calloc(1, sizeof(*thing));

	return hand_over ? steal_ptr(&thing) : NULL;
}

static void test_ownership(void **state)
{
	int fds = unit_count_fds(), kept;
	struct thing *thing;

	(void)state;
	assert_null(make_thing(false));
	assert_int_equal(nr_things_freed, 1);
	thing = make_thing(true);
	assert_non_null(thing);
	assert_int_equal(nr_things_freed, 1);
	free(thing);

	{
		_cleanup_close_ int lost = open("/dev/null", O_RDONLY | O_CLOEXEC);
		_cleanup_close_ int given = open("/dev/null", O_RDONLY | O_CLOEXEC);
		_cleanup_free_ char *text = strdup("text");
		_cleanup_fclose_ FILE *file = fopen("/dev/null", "re");
		_cleanup_closedir_ DIR *dir = opendir("/");
		_cleanup_closedir_ DIR *no_dir = NULL;
		_cleanup_fclose_ FILE *no_file = NULL;

		assert_true(lost >= 0 && given >= 0 && text && file && dir && !no_dir && !no_file);
		kept = steal_fd(&given);
		assert_int_equal(given, -1);
	}
	assert_int_equal(unit_count_fds(), fds + 1);

	errno = E2BIG;
	assert_int_equal(close_fd(kept), -1);
	assert_int_equal(close_fd(-1), -1);
	assert_int_equal(close_fd(987654), -1);
	assert_int_equal(errno, E2BIG);
	assert_int_equal(unit_count_fds(), fds);
}

static void test_macros(void **state)
{
	struct outer {
		char before;
		struct thing inner;
	} outer;
	int array[13];

	(void)state;
	(void)array;
	assert_int_equal(ARRAY_SIZE(array), 13);
	assert_ptr_equal(container_of(&outer.inner, struct outer, inner), &outer);
	assert_true(streq("a", "a") && !streq("a", "b"));
}

static void test_now(void **state)
{
	uint64_t first = now_ns(), second = now_ns();

	(void)state;
	assert_true(first > 0 && second >= first);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_u64_good),
		cmocka_unit_test(test_u64_bad),
		cmocka_unit_test(test_seconds),
		cmocka_unit_test(test_cpulist_good),
		cmocka_unit_test(test_cpulist_bad),
		cmocka_unit_test(test_bitmap_bounds),
		cmocka_unit_test(test_cpulist_round_trip),
		cmocka_unit_test(test_parsers_fuzz),
		cmocka_unit_test_setup_teardown(test_read_line, setup_dir, teardown_dir),
		cmocka_unit_test_setup_teardown(test_read_line_never_waits, setup_dir, teardown_dir),
		cmocka_unit_test(test_escape),
		cmocka_unit_test(test_escape_fuzz),
		cmocka_unit_test(test_ownership),
		cmocka_unit_test(test_macros),
		cmocka_unit_test(test_now),
	};

	return cmocka_run_group_tests_name("util", tests, NULL, NULL);
}

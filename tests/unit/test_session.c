/* SPDX-License-Identifier: GPL-2.0-only */
#include "unit.h"

#include "session.h"

static struct session_facts facts_of(const char *seat, const char *id, uid_t uid, const char *class, const char *type)
{
	return (struct session_facts){ .seat = seat, .id = id, .class = class, .type = type, .uid = uid };
}

static void assert_none(struct session_facts facts)
{
	struct session session;
	struct session empty = {};

	memset(&session, 0x55, sizeof(session));
	assert_false(session_is_graphical(&facts));
	assert_int_equal(session_pick(&facts, 1, &session), -ENXIO);
	assert_true(session_equals(&session, &empty));
}

static void test_wayland_and_x11(void **state)
{
	struct session_facts facts = facts_of("seat0", "c1", 1000, "user", "wayland");
	struct session session;

	facts.desktop = "KDE";
	assert_int_equal(session_pick(&facts, 1, &session), 0);
	assert_string_equal(session.id, "c1");
	assert_string_equal(session.seat, "seat0");
	assert_string_equal(session.type, "wayland");
	assert_string_equal(session.desktop, "KDE");
	assert_string_equal(session.bus, "unix:path=/run/user/1000/bus");
	assert_int_equal(session.uid, 1000);
	facts.type = "x11";
	assert_int_equal(session_pick(&facts, 1, &session), 0);
}

static void test_what_is_none(void **state)
{
	char name[SESSION_NAME_MAX + 1];
	struct session session;

	assert_int_equal(session_pick(NULL, 0, &session), -ENXIO);
	assert_none(facts_of("seat0", "c1", 120, "greeter", "wayland"));
	assert_none(facts_of("seat0", "c1", 1000, "manager", "wayland"));
	assert_none(facts_of("seat0", "c1", 1000, "lock-screen", "wayland"));
	assert_none(facts_of("seat0", "c1", 1000, "user", "tty"));
	assert_none(facts_of("seat0", "c1", 1000, "user", "unspecified"));
	assert_none(facts_of("seat0", "c1", 0, "user", "wayland"));
	assert_none(facts_of("seat0", "c1", (uid_t)-1, "user", "wayland"));
	assert_none(facts_of("seat0", "c1", 1000, NULL, "wayland"));
	assert_none(facts_of("seat0", "c1", 1000, "user", NULL));
	assert_none(facts_of("seat0", NULL, 1000, "user", "wayland"));
	assert_none(facts_of(NULL, "c1", 1000, "user", "wayland"));
	assert_none(facts_of("seat0", "", 1000, "user", "wayland"));
	memset(name, 'a', SESSION_NAME_MAX);
	name[SESSION_NAME_MAX] = '\0';
	assert_none(facts_of("seat0", name, 1000, "user", "wayland"));
}

static void test_several_seats(void **state)
{
	const struct session_facts facts[] = {
		facts_of("seat-usb", "c3", 1003, "user", "wayland"),
		facts_of("seat0", "c1", 1001, "user", "wayland"),
		facts_of("seat-pci", "c2", 1002, "user", "x11"),
	};
	struct session session;

	assert_int_equal(session_pick(facts, 3, &session), 0);
	assert_int_equal(session.uid, 1001);
	assert_int_equal(session_pick(facts, 1, &session), 0);
	assert_int_equal(session.uid, 1003);
}

/* At seat0 somebody is greeted: the other seat plays. */
static void test_seat0_without_session(void **state)
{
	const struct session_facts facts[] = {
		facts_of("seat0", "c1", 120, "greeter", "wayland"),
		facts_of("seat-usb", "c3", 1003, "user", "wayland"),
		facts_of("seat-pci", "c2", 1002, "user", "x11"),
	};
	struct session session;

	assert_int_equal(session_pick(facts, 3, &session), 0);
	assert_int_equal(session.uid, 1002);
}

static void test_longest_bus(void **state)
{
	struct session_facts facts = facts_of("seat0", "c1", 4294967294U, "user", "wayland");
	struct session session;

	assert_int_equal(session_pick(&facts, 1, &session), 0);
	assert_string_equal(session.bus, "unix:path=/run/user/4294967294/bus");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wayland_and_x11),
		cmocka_unit_test(test_what_is_none),
		cmocka_unit_test(test_several_seats),
		cmocka_unit_test(test_seat0_without_session),
		cmocka_unit_test(test_longest_bus),
	};

	return cmocka_run_group_tests_name("session", tests, NULL, NULL);
}

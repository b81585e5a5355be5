// SPDX-License-Identifier: GPL-2.0-only
/* Text of strangers on a canvas: harmless characters, exact columns, nothing beyond the edges. */
#include "unit.h"

#include <math.h>

#include "canvas.h"
#include "json_ascii.h"
#include "text.h"

/* A row of a canvas as UTF-8, without blanks at its end. */
static const char *row_text(const struct canvas *canvas, int row)
{
	static char line[4096];
	FILE *out = fmemopen(line, sizeof(line), "w");

	assert_non_null(out);
	canvas_print(canvas, row, 1, out);
	fputc('\0', out);
	fclose(out);
	line[strcspn(line, "\n")] = '\0';
	return line;
}

static struct canvas canvas_of(int rows, int cols, bool ascii)
{
	struct canvas canvas = { .ascii = ascii };

	assert_int_equal(canvas_resize(&canvas, rows, cols), 0);
	return canvas;
}

static void test_characters(void **state)
{
	static const struct {
		const char *text;
		const char *shown;
		int width;
	} table[] = {
		{ "kwin_wayland", "kwin_wayland", 12 },
		{ "J\xc3\xb6rg", "Jörg", 4 },
		{ "原神", "原神", 4 },
		{ "\x1b[2J", "?[2J", 4 },			/* an escape sequence */
		{ "\xc2\x9b" "31m", "?31m", 4 },		/* its 8-bit introducer */
		{ "\x9b" "31m", "?31m", 4 },
		{ "a\nb\tc\x7f", "a?b?c?", 6 },
		{ "e\xcc\x81", "e?", 2 },			/* combines with its neighbour */
		{ "\xe2\x80\xae" "abc", "?abc", 4 },		/* turns the direction of writing */
		{ "\xd7\xa9\xd7\x9c", "??", 2 },		/* written from right to left */
		{ "\xe2\x80\x8b", "?", 1 },			/* takes no column */
		{ "\xf0\x9f\x98\x80", "?", 1 },			/* terminals differ about its width */
		{ "\xc0\xaf", "??", 2 },			/* not the shortest form */
		{ "\xed\xa0\x80", "???", 3 },			/* a surrogate */
		{ "\xf4\x90\x80\x80", "????", 4 },		/* behind the last character */
		{ "\xe5\x8e", "??", 2 },			/* cut */
		{ "", "", 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct canvas canvas = canvas_of(1, 40, false);

		assert_int_equal(text_width(table[i].text), table[i].width);
		assert_int_equal(canvas_text(&canvas, 0, 0, 40, STYLE_PLAIN, table[i].text), table[i].width);
		assert_string_equal(row_text(&canvas, 0), table[i].shown);
		canvas_deinit(&canvas);
	}
}

static void test_cut(void **state)
{
	struct canvas canvas = canvas_of(1, 20, false);

	assert_int_equal(canvas_text(&canvas, 0, 0, 5, STYLE_PLAIN, "abcde"), 5);
	assert_string_equal(row_text(&canvas, 0), "abcde");
	canvas_clear(&canvas);
	assert_int_equal(canvas_text(&canvas, 0, 0, 5, STYLE_PLAIN, "abcdef"), 5);
	assert_string_equal(row_text(&canvas, 0), "abcd…");
	/* Half a wide character is none. */
	canvas_clear(&canvas);
	assert_int_equal(canvas_text(&canvas, 0, 0, 5, STYLE_PLAIN, "原神原"), 5);
	assert_string_equal(row_text(&canvas, 0), "原神…");
	canvas_clear(&canvas);
	assert_int_equal(canvas_text(&canvas, 0, 0, 4, STYLE_PLAIN, "原神原"), 3);
	assert_string_equal(row_text(&canvas, 0), "原…");
	canvas_clear(&canvas);
	canvas_text(&canvas, 0, 0, 10, STYLE_PLAIN, "原神");
	canvas_text(&canvas, 0, 1, 1, STYLE_PLAIN, "x");
	assert_string_equal(row_text(&canvas, 0), " x神");
	canvas_text(&canvas, 0, 2, 1, STYLE_PLAIN, "y");
	assert_string_equal(row_text(&canvas, 0), " xy");
	canvas_clear(&canvas);
	canvas_text_right(&canvas, 0, 2, 6, STYLE_PLAIN, "12");
	assert_string_equal(row_text(&canvas, 0), "      12");
	canvas_clear(&canvas);
	canvas_text_right(&canvas, 0, 2, 6, STYLE_PLAIN, "12345678");
	assert_string_equal(row_text(&canvas, 0), "  12345…");
	canvas_deinit(&canvas);
}

static void test_ascii(void **state)
{
	struct canvas canvas = canvas_of(2, 30, true);

	canvas_text(&canvas, 0, 0, 30, STYLE_PLAIN, "≤1 ms → 原神 é █▒");
	assert_string_equal(row_text(&canvas, 0), "<1 ms > ?? ? #=");
	canvas_bar(&canvas, 1, 0, 10, STYLE_BAR, 0.5);
	assert_string_equal(row_text(&canvas, 1), "#####");
	canvas_deinit(&canvas);
}

static void test_graphs(void **state)
{
	struct canvas canvas = canvas_of(1, 20, false);
	struct series series = { 0 };

	canvas_bar(&canvas, 0, 0, 10, STYLE_BAR, 0.55);
	assert_string_equal(row_text(&canvas, 0), "█████▌");
	canvas_clear(&canvas);
	canvas_bar(&canvas, 0, 0, 10, STYLE_BAR, 1e-9);
	assert_string_equal(row_text(&canvas, 0), "▏");
	canvas_clear(&canvas);
	canvas_bar(&canvas, 0, 0, 10, STYLE_BAR, NAN);
	canvas_bar(&canvas, 0, 0, 10, STYLE_BAR, -1);
	assert_string_equal(row_text(&canvas, 0), "");
	canvas_bar(&canvas, 0, 0, 3, STYLE_BAR, INFINITY);
	assert_string_equal(row_text(&canvas, 0), "███");
	canvas_clear(&canvas);
	series_add(&series, 100);
	series_add(&series, 0);
	series_add_gap(&series);
	series_add(&series, 50);
	series_add(&series, 12.4);
	canvas_spark(&canvas, 0, 0, 6, STYLE_BAR, &series, 0);
	assert_string_equal(row_text(&canvas, 0), " █· ▅▁");
	canvas_deinit(&canvas);
}

/* Any bytes, any place: no cell but harmless ones, none outside. ASan sees the rest. */
static void test_anything_anywhere(void **state)
{
	struct unit_random random = { 20261122 };
	struct canvas canvas = { 0 };

	for (int i = 0; i < 20000; i++) {
		char text[64];
		int rows = 1 + (int)unit_random_below(&random, 4), cols = 1 + (int)unit_random_below(&random, 12);

		canvas.ascii = unit_random_below(&random, 2);
		assert_int_equal(canvas_resize(&canvas, rows, cols), 0);
		for (int k = 0; k < 4; k++) {
			unit_random_string(&random, "a\xe5\x8e\x9f\x1b[", text, sizeof(text) - 1);
			canvas_text(&canvas, (int)unit_random_below(&random, 6) - 1, (int)unit_random_below(&random, 16) - 2,
				    (int)unit_random_below(&random, 20) - 2, STYLE_PLAIN, text);
			canvas_text_right(&canvas, 0, (int)unit_random_below(&random, 16) - 2,
					  (int)unit_random_below(&random, 20) - 2, STYLE_PLAIN, text);
		}
		for (int row = 0; row < rows; row++) {
			for (int col = 0; col < cols; col++) {
				wchar_t ch = canvas_cell(&canvas, row, col)->ch;

				assert_true(ch == 0 || (ch >= ' ' && ch != 0x7f && (ch < 0x80 || ch >= 0xa0)));
				assert_true(!canvas.ascii || (ch && ch < 0x7f));
				/* A right half has a left one. */
				assert_true(ch || (col && canvas_cell(&canvas, row, col - 1)->ch > 0xff));
			}
		}
	}
	canvas_deinit(&canvas);
	canvas_deinit(&canvas);
}

static void test_copy(void **state)
{
	char small[6];

	text_copy(small, sizeof(small), "abc");
	assert_string_equal(small, "abc");
	text_copy(small, sizeof(small), "abcdefgh");
	assert_string_equal(small, "abcde");
	text_copy(small, sizeof(small), "abc原");
	assert_string_equal(small, "abc");
	text_copy(small, sizeof(small), "\x80\x80\x80\x80\x80\x80\x80\x80");
	assert_true(strlen(small) < sizeof(small));
}

static void test_json_ascii(void **state)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	json_ascii_print("{\"a\":\"\xc3\xa9\xf0\x9f\x98\x80\xff\xc2\x9b\x7f\"}", out);
	fclose(out);
	assert_string_equal(text, "{\"a\":\"\\u00e9\\ud83d\\ude00\\ufffd\\u009b\\u007f\"}");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_characters), cmocka_unit_test(test_cut),	      cmocka_unit_test(test_ascii),
		cmocka_unit_test(test_graphs),	   cmocka_unit_test(test_anything_anywhere), cmocka_unit_test(test_copy),
		cmocka_unit_test(test_json_ascii),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

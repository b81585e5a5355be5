// SPDX-License-Identifier: GPL-2.0-only
#include "text.h"

#include <string.h>

#include "util.h"

struct range {
	wchar_t first, last;
};

/* Characters that every terminal draws two columns wide. Pictographs are not here: about those terminals differ. */
static const struct range wide[] = {
	{ 0x1100, 0x115f },   { 0x2e80, 0x303e },   { 0x3041, 0x33ff },	  { 0x3400, 0x4dbf },	{ 0x4e00, 0xa4cf },
	{ 0xac00, 0xd7a3 },   { 0xf900, 0xfaff },   { 0xfe30, 0xfe4f },	  { 0xff01, 0xff60 },	{ 0xffe0, 0xffe6 },
	{ 0x20000, 0x2fffd }, { 0x30000, 0x3fffd },
};

/* Combine with what stands before, and yet are in the ranges above. */
static const struct range wide_marks[] = { { 0x302a, 0x302d }, { 0x3099, 0x309a }, { 0x303f, 0x303f } };

/*
 * Characters of one column that stand for themselves: Latin, Greek, Cyrillic, Armenian, Georgian, punctuation, arrows,
 * mathematics, boxes, blocks and shapes. Scripts that are written from right to left, or whose letters combine, would
 * move the figures beside them.
 */
static const struct range narrow[] = {
	{ 0x20, 0x7e },	    { 0xa1, 0xac },	{ 0xae, 0x2ff },    { 0x370, 0x377 },	{ 0x37a, 0x37f },   { 0x384, 0x482 },
	{ 0x48a, 0x52f },   { 0x531, 0x556 },	{ 0x561, 0x587 },   { 0x10d0, 0x10ff }, { 0x1e00, 0x1eff }, { 0x2010, 0x2015 },
	{ 0x2018, 0x2022 }, { 0x2026, 0x2026 }, { 0x2030, 0x203a }, { 0x20a0, 0x20bf }, { 0x2100, 0x2149 }, { 0x2190, 0x21ff },
	{ 0x2200, 0x22ff }, { 0x2500, 0x25fc }, { 0xff61, 0xff9f },
};

static bool in_ranges(const struct range *ranges, size_t nr, wchar_t ch)
{
	for (size_t i = 0; i < nr; i++)
		if (ch >= ranges[i].first && ch <= ranges[i].last)
			return true;
	return false;
}

static int char_width(wchar_t ch)
{
	if (in_ranges(narrow, ARRAY_SIZE(narrow), ch))
		return 1;
	if (in_ranges(wide, ARRAY_SIZE(wide), ch) && !in_ranges(wide_marks, ARRAY_SIZE(wide_marks), ch))
		return 2;
	return 0;
}

/* Bytes of the UTF-8 character at @bytes, 0 if there is none: shortest form only, no surrogates. */
static int decode(const unsigned char *bytes, wchar_t *ret)
{
	static const wchar_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	wchar_t ch;
	int len;

	if (bytes[0] < 0x80) {
		*ret = bytes[0];
		return 1;
	}
	len = bytes[0] >= 0xf0 ? 4 : bytes[0] >= 0xe0 ? 3 : bytes[0] >= 0xc0 ? 2 : 0;
	if (!len || bytes[0] > 0xf4)
		return 0;
	ch = bytes[0] & (0x7f >> len);
	for (int i = 1; i < len; i++) {
		if ((bytes[i] & 0xc0) != 0x80)
			return 0;
		ch = ch << 6 | (bytes[i] & 0x3f);
	}
	if (ch < least[len] || ch > 0x10ffff || (ch >= 0xd800 && ch <= 0xdfff))
		return 0;
	*ret = ch;
	return len;
}

int text_decode(const char *text, wchar_t *ret)
{
	int len = decode((const unsigned char *)text, ret);

	if (len)
		return len;
	*ret = 0xfffd;
	return 1;
}

int text_next(const char **text, wchar_t *ret)
{
	const unsigned char *bytes = (const unsigned char *)*text;
	int len, width;

	if (!*bytes)
		return 0;
	len = decode(bytes, ret);
	width = len ? char_width(*ret) : 0;
	*text += len ? len : 1;
	if (width)
		return width;
	*ret = '?';
	return 1;
}

int text_width(const char *text)
{
	int columns = 0, width;
	wchar_t ch;

	while ((width = text_next(&text, &ch)))
		columns += width;
	return columns;
}

wchar_t text_ascii(wchar_t ch)
{
	static const struct {
		wchar_t from;
		char to;
	} table[] = {
		{ L'█', '#' }, { L'▓', '#' }, { L'▒', '=' }, { L'░', '-' }, { L'▁', '_' }, { L'▂', '.' }, { L'▃', ',' }, { L'▄', '-' },
		{ L'▅', '=' }, { L'▆', '+' }, { L'▇', '*' }, { L'▏', '|' }, { L'▎', '|' }, { L'▍', '|' }, { L'▌', '|' }, { L'▋', '#' },
		{ L'▊', '#' }, { L'▉', '#' }, { L'─', '-' }, { L'│', '|' }, { L'├', '|' }, { L'└', '`' }, { L'┬', '+' }, { L'┴', '+' },
		{ L'╌', '.' }, { L'→', '>' }, { L'↑', '^' }, { L'↓', 'v' }, { L'←', '<' }, { L'≤', '<' }, { L'…', '~' }, { L'·', '.' },
		{ L'•', '*' }, { L'●', '*' }, { L'○', 'o' }, { L'–', '-' }, { L'—', '-' }, { L'×', 'x' }, { L'µ', 'u' }, { L'▼', 'v' },
		{ L'▲', '^' }, { L'’', '\'' }, { L'‘', '\'' }, { L'“', '"' }, { L'”', '"' },
	};

	if (ch < 0x80)
		return ch;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (table[i].from == ch)
			return table[i].to;
	return '?';
}

void text_copy(char *dst, size_t size, const char *src)
{
	size_t len = strnlen(src, size);

	if (len == size) {
		/* Back to the first byte of the character that does not fit; such a character has three more at most. */
		len--;
		for (int i = 0; i < 3 && len && ((unsigned char)src[len] & 0xc0) == 0x80; i++)
			len--;
	}
	memcpy(dst, src, len);
	dst[len] = '\0';
}

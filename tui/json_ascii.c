// SPDX-License-Identifier: GPL-2.0-only
#include "json_ascii.h"

#include "text.h"

void json_ascii_print(const char *json, FILE *out)
{
	while (*json) {
		wchar_t ch;

		/* Bytes above ASCII are inside of strings only, so that an escape is legal wherever one is needed. */
		if (*json >= ' ' && *json < 0x7f) {
			fputc(*json++, out);
			continue;
		}
		json += text_decode(json, &ch);
		if (ch < 0x10000)
			fprintf(out, "\\u%04x", (unsigned int)ch);
		else
			fprintf(out, "\\u%04x\\u%04x", 0xd800 + ((unsigned int)ch - 0x10000) / 0x400,
				0xdc00 + ((unsigned int)ch - 0x10000) % 0x400);
	}
}

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * json_ascii - JSON that is safe on any terminal and in any locale
 */
#ifndef ARCADE_TUI_JSON_ASCII_H
#define ARCADE_TUI_JSON_ASCII_H

#include <stdio.h>

/* Print serialised JSON, whatever is not printable ASCII as \uXXXX; what is not UTF-8 either as U+FFFD. */
void json_ascii_print(const char *json, FILE *out);

#endif

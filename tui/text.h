/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * text - what a stranger wrote, made fit for a terminal
 *
 * Processes and devices choose their own names. One character at a time comes
 * out of here, and it is always one that takes one or two columns and does
 * nothing else: no control, no escape, nothing that combines with its
 * neighbour, turns the direction of writing or takes a width that terminals do
 * not agree on. Anything of that kind and every byte that is not UTF-8 becomes
 * a question mark.
 */
#ifndef ARCADE_TUI_TEXT_H
#define ARCADE_TUI_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <wchar.h>

/* The next character of *@text, which is moved behind it. Return: its columns, 1 or 2; 0 at the end. */
int text_next(const char **text, wchar_t *ret);

/* The character as it is, whatever it does; U+FFFD of a byte that is not UTF-8. Return: bytes, at least 1. */
int text_decode(const char *text, wchar_t *ret);

/* Columns that the whole text takes. */
int text_width(const char *text);

/* A character of ours (graphs, arrows) or of a name for terminals that know ASCII only: always one of one column. */
wchar_t text_ascii(wchar_t ch);

/* Copy at most @size - 1 bytes, cut at a whole character; bytes that are not UTF-8 are copied as they are. */
void text_copy(char *dst, size_t size, const char *src);

#endif

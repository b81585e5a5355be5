/* SPDX-License-Identifier: GPL-2.0-only */
#include <fcntl.h>
#include <limits.h>
#include <time.h>
#include <unistd.h>

#include "util.h"

int close_fd(int fd)
{
	int saved = errno;

	/* The descriptor is gone even when close() reports EINTR: trying again could close a stranger's. */
	if (fd >= 0)
		close(fd);
	errno = saved;
	return -1;
}

uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/*
 * Takes all digits at *@text and moves it behind them. A value that does not fit is UINT64_MAX with *@overflow set:
 * the caller knows whether "too large" or "malformed" is the better answer.
 */
static bool take_digits(const char **text, uint64_t *value, bool *overflow)
{
	const char *p = *text;
	uint64_t v = 0;

	*overflow = false;
	if (!is_digit(*p))
		return false;

	for (; is_digit(*p); p++) {
		if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, (uint64_t)(*p - '0'), &v)) {
			*overflow = true;
			v = UINT64_MAX;
			while (is_digit(*p))
				p++;
			break;
		}
	}

	*text = p;
	*value = v;
	return true;
}

int parse_u64_range(const char *text, uint64_t min, uint64_t max, uint64_t *ret)
{
	uint64_t value;
	bool overflow;

	if (!take_digits(&text, &value, &overflow) || *text)
		return -EINVAL;
	if (overflow || value < min || value > max)
		return -ERANGE;

	*ret = value;
	return 0;
}

int parse_seconds_range(const char *text, uint64_t min_ns, uint64_t max_ns, uint64_t *ret_ns)
{
	uint64_t value, fraction = 0, scale = NSEC_PER_SEC;
	bool overflow;

	if (!take_digits(&text, &value, &overflow))
		return -EINVAL;
	if (*text == '.') {
		text++;
		if (!is_digit(*text))
			return -EINVAL;
		/* A tenth decimal is refused, not rounded: it cannot be meant. */
		for (; is_digit(*text) && scale > 1; text++) {
			scale /= 10;
			fraction += (uint64_t)(*text - '0') * scale;
		}
	}
	if (*text)
		return -EINVAL;

	if (overflow || __builtin_mul_overflow(value, NSEC_PER_SEC, &value) ||
	    __builtin_add_overflow(value, fraction, &value))
		return -ERANGE;
	if (value < min_ns || value > max_ns)
		return -ERANGE;

	*ret_ns = value;
	return 0;
}

uint32_t cpu_bitmap_weight(const struct cpu_bitmap *map)
{
	uint32_t weight = 0;

	for (size_t i = 0; i < ARRAY_SIZE(map->words); i++)
		weight += (uint32_t)__builtin_popcountll(map->words[i]);
	return weight;
}

int cpu_bitmap_next(const struct cpu_bitmap *map, uint32_t from)
{
	for (uint32_t i = from / 64; i < ARRAY_SIZE(map->words); i++) {
		uint64_t word = map->words[i];

		if (i == from / 64)
			word &= ~0ULL << (from % 64);
		if (word)
			return (int)(i * 64 + (uint32_t)__builtin_ctzll(word));
	}
	return -1;
}

int parse_cpulist(const char *text, struct cpu_bitmap *ret)
{
	struct cpu_bitmap map = {};
	bool too_large = false;

	/* The syntax is checked to the end before a range error is reported, so that garbage is always -EINVAL. */
	while (*text) {
		uint64_t first, last;
		bool overflow;

		if (!take_digits(&text, &first, &overflow))
			return -EINVAL;
		too_large |= overflow;

		last = first;
		if (*text == '-') {
			text++;
			if (!take_digits(&text, &last, &overflow))
				return -EINVAL;
			too_large |= overflow;
		}
		if (last < first)
			return -EINVAL;

		if (last >= CPU_BITMAP_BITS)
			too_large = true;
		else
			for (uint64_t cpu = first; cpu <= last; cpu++)
				cpu_bitmap_set(&map, (uint32_t)cpu);

		if (*text == ',' && text[1])
			text++;
		else if (*text)
			return -EINVAL;
	}
	if (too_large)
		return -ERANGE;

	*ret = map;
	return 0;
}

int read_file_line_at(int dirfd, const char *path, char *buf, size_t size)
{
	_cleanup_close_ int fd = -1;
	char page[READ_LINE_MAX + 1];
	size_t len = 0, line;
	char *newline;

	/* NONBLOCK: where a file is expected there may be a FIFO without a writer. */
	fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return -errno;

	while (len < READ_LINE_MAX) {
		ssize_t n = read(fd, page + len, READ_LINE_MAX - len);

		if (n < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		if (n == 0)
			break;
		len += (size_t)n;
		if (memchr(page + len - n, '\n', (size_t)n))
			break;
	}

	newline = memchr(page, '\n', len);
	line = newline ? (size_t)(newline - page) : len;
	if (memchr(page, '\0', line))
		return -EINVAL;
	/* A full page without a newline may go on: half a number is worse than none. */
	if (line >= size || line == READ_LINE_MAX)
		return -EMSGSIZE;

	memcpy(buf, page, line);
	buf[line] = '\0';
	return 0;
}

int read_file_u64_at(int dirfd, const char *path, uint64_t min, uint64_t max, uint64_t *ret)
{
	char line[32];
	int r;

	r = read_file_line_at(dirfd, path, line, sizeof(line));
	if (r < 0)
		return r;
	return parse_u64_range(line, min, max, ret);
}

/* Length of the printable UTF-8 character at @s, 0 if the byte must be escaped. Refuses what Unicode 3.9 D92 does. */
static size_t utf8_printable(const unsigned char *s)
{
	size_t len;
	uint32_t cp;

	if (s[0] < 0x80)
		return s[0] >= 0x20 && s[0] != 0x7f;

	if (s[0] >= 0xc2 && s[0] <= 0xdf) {
		len = 2;
		cp = s[0] & 0x1f;
	} else if ((s[0] & 0xf0) == 0xe0) {
		len = 3;
		cp = s[0] & 0x0f;
	} else if (s[0] >= 0xf0 && s[0] <= 0xf4) {
		len = 4;
		cp = s[0] & 0x07;
	} else {
		return 0;
	}

	/* The terminating NUL is no continuation byte: this never reads behind it. */
	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		cp = cp << 6 | (s[i] & 0x3f);
	}

	if (len == 3 && (cp < 0x800 || (cp >= 0xd800 && cp <= 0xdfff)))
		return 0;
	if (len == 4 && (cp < 0x10000 || cp > 0x10ffff))
		return 0;
	/* C1: a terminal takes U+009B as the start of an escape sequence. */
	if (cp < 0xa0)
		return 0;
	return len;
}

size_t escape_text(char *dst, size_t size, const char *src)
{
	static const char hex[] = "0123456789abcdef";
	static const char dots[] = "...";
	size_t len = 0, cut = 0;

	while (*src) {
		unsigned char c = (unsigned char)*src;
		char token[4];
		const char *piece = token;
		size_t take = 1, n;

		n = utf8_printable((const unsigned char *)src);
		if (n > 0) {
			piece = src;
			take = n;
		} else if (c == '\n' || c == '\t' || c == '\r') {
			token[0] = '\\';
			token[1] = c == '\n' ? 'n' : c == '\t' ? 't' : 'r';
			n = 2;
		} else {
			token[0] = '\\';
			token[1] = 'x';
			token[2] = hex[c >> 4];
			token[3] = hex[c & 0xf];
			n = 4;
		}

		if (len + n >= size) {
			memcpy(dst + cut, dots, sizeof(dots));
			return cut + sizeof(dots) - 1;
		}
		memcpy(dst + len, piece, n);
		len += n;
		src += take;
		/* Behind @cut there is always room for the dots and the NUL. */
		if (len + sizeof(dots) <= size)
			cut = len;
	}

	dst[len] = '\0';
	return len;
}

int unblock_terminal(int fd)
{
	char path[32];
	int own, err = 0;

	if (!isatty(fd))
		return 0;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	own = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (own < 0)
		return -errno;
	if (dup2(own, fd) < 0)
		err = -errno;
	close_fd(own);
	return err;
}

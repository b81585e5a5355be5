// SPDX-License-Identifier: GPL-2.0-only
/* No figures: why, and what to do. */
#include "view.h"

#include "format.h"

static const struct {
	const char *line;		/* for a banner */
	const char *advice[4];
} words[NR_FEED_STATES] = {
	[FEED_STARTING] = { "Asking the daemon", { NULL } },
	[FEED_LIVE] = { "", { NULL } },
	[FEED_ABSENT] = { "scx_arcade is not running: waiting for it",
			  { "Start it in another terminal:",
			    "  sudo systemctl start scx_arcade     if it is installed as a service",
			    "  sudo scx_arcade                     here and now" } },
	[FEED_FORBIDDEN] = { "You may not read the scheduler's figures",
			     { "Members of the group scx_arcade may. Become one, then log in anew:",
			       "  sudo usermod -aG scx_arcade \"$USER\"",
			       "Or look as root: sudo arcadetop" } },
	[FEED_SILENT] = { "The daemon does not answer: trying on",
			  { "It may be stopped, stuck, or short of CPU time. The kernel half schedules on without it.",
			    "  systemctl status scx_arcade", "  journalctl -u scx_arcade -e" } },
	[FEED_RUBBISH] = { "What comes from the socket makes no sense: trying on",
			   { "Something else listens there, or a daemon of another version." } },
	[FEED_FOREIGN] = { "Another scheduler is running, not scx_arcade: waiting",
			   { "See which:  cat /sys/kernel/sched_ext/root/ops" } },
	[FEED_REFUSED] = { "The daemon refuses: trying on", { NULL } },
	[FEED_CLOSED] = { "The daemon has closed the connection: trying on",
			  { "It is being stopped or started anew, or it serves as many viewers as it can." } },
	[FEED_BROKEN] = { "The socket cannot be used: trying on", { NULL } },
};

const char *view_feed_words(const struct feed_facts *feed)
{
	return words[feed->state].line;
}

const char *view_feed_error(const struct feed_facts *feed)
{
	static const char *const errors[NR_FEED_STATES] = {
		[FEED_STARTING] = "no answer",
		[FEED_LIVE] = "",
		[FEED_ABSENT] = "scx_arcade is not running",
		[FEED_FORBIDDEN] = "not permitted: root and members of the group scx_arcade may read",
		[FEED_SILENT] = "the daemon does not answer",
		[FEED_RUBBISH] = "what comes from the socket makes no sense",
		[FEED_FOREIGN] = "another scheduler is running, not scx_arcade",
		[FEED_REFUSED] = "the daemon refuses",
		[FEED_CLOSED] = "the daemon has closed the connection",
		[FEED_BROKEN] = "the socket cannot be used",
	};

	return errors[feed->state];
}

void view_waiting(struct page *page, const struct feed_facts *feed, uint64_t now_ns)
{
	int row = page->visible_rows > 14 ? 2 : 0, col = page->canvas.cols > 70 ? 4 : 1;
	enum style style = feed->state == FEED_ABSENT || feed->state == FEED_STARTING ? STYLE_TITLE : STYLE_BAD;
	char text[FORMAT_SIZE];

	row = view_paragraph(page, row, col, style, words[feed->state].line) + 1;
	if (*feed->said)
		row = view_paragraph(page, row, col, STYLE_STRONG, feed->said) + 1;
	for (size_t i = 0; i < ARRAY_SIZE(words[0].advice) && words[feed->state].advice[i]; i++) {
		const char *advice = words[feed->state].advice[i];

		/* What is to be typed stays as it is. */
		if (*advice == ' ')
			canvas_text(&page->canvas, row++, col, page->canvas.cols - col - 1, STYLE_STRONG, advice);
		else
			row = view_paragraph(page, row, col, STYLE_PLAIN, advice);
	}
	row++;
	canvas_printf(&page->canvas, row++, col, STYLE_DIM, "socket %s", feed->path);
	canvas_printf(&page->canvas, row++, col, STYLE_DIM, "waiting for %s; q leaves",
		      format_duration(text, now_ns > feed->since_ns ? now_ns - feed->since_ns : 0));
	page->nr_rows = row;
}

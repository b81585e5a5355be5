// SPDX-License-Identifier: GPL-2.0-only
#include "background.h"

#include "log.h"
#include "util.h"

void background_init(struct background *background, const struct background_ops *ops, void *data)
{
	*background = (struct background){ .ops = *ops, .data = data };
}

void background_set_prober(struct background *background, struct prober *prober)
{
	background->prober = prober;
}

/* Compilers come by the hundred: each name once in a while, so that a log says why, and not more. */
static enum log_level level_of(struct background_told *told, const char *name)
{
	char key[sizeof(told->names[0])];

	snprintf(key, sizeof(key), "%.15s", name);
	for (size_t i = 0; i < BACKGROUND_TOLD_MAX; i++)
		if (streq(told->names[i], key))
			return LOG_LEVEL_DEBUG;
	memcpy(told->names[told->next], key, sizeof(key));
	told->next = (told->next + 1) % BACKGROUND_TOLD_MAX;
	return LOG_LEVEL_INFO;
}

static struct background_mark *find_mark(struct background *background, const struct proc_id *id)
{
	for (size_t i = 0; i < BACKGROUND_MARKED_MAX; i++)
		if (proc_id_equal(&background->marks[i].id, id))
			return &background->marks[i];
	return NULL;
}

void background_find(struct background *background, const struct proc_id *id, const char *name, struct programs *programs)
{
	struct background_mark *mark;

	if (find_mark(background, id))
		return;
	mark = &background->marks[background->next_mark];
	background->next_mark = (background->next_mark + 1) % BACKGROUND_MARKED_MAX;
	*mark = (struct background_mark){ .id = *id };
	snprintf(mark->name, sizeof(mark->name), "%.*s", (int)sizeof(mark->name) - 1, name);
	log_line(level_of(&background->trees, name), 0, "background: process %d (%s) and its descendants: its name is on the list",
		 (int)id->pid, name);
	background->nr_trees++;
	background->ops.mark_tree(id->pid, background->data);
	/* A full queue is one of processes that are still to be found: this one does without. */
	if (background->prober && background->ops.mark_group)
		mark->asked = !prober_ask_group(background->prober, id, programs);
}

static bool group_is_marked(const struct background *background, uint64_t id)
{
	for (size_t i = 0; i < BACKGROUND_GROUPS_MAX; i++)
		if (background->marked_groups[i] == id)
			return true;
	return false;
}

void background_take(struct background *background, const struct prober_answer *answer)
{
	struct background_mark *mark = find_mark(background, &answer->id);
	const struct background_group *group = &answer->group;
	int err;

	/* The lists have changed since it was asked for. */
	if (!mark || !mark->asked)
		return;
	mark->asked = false;
	if (answer->err || group->kind != BACKGROUND_GROUP_ALONE || group_is_marked(background, group->id))
		return;
	err = background->ops.mark_group(group->id, background->data);
	if (err) {
		log_debug_errno(err, "background: cannot mark group %s", group->path);
		return;
	}
	background->marked_groups[background->next_group] = group->id;
	background->next_group = (background->next_group + 1) % BACKGROUND_GROUPS_MAX;
	background->nr_groups++;
	log_line(level_of(&background->groups, mark->name), 0,
		 "background: group %s: nobody is in it but process %d (%s) and others of the list", group->path,
		 (int)mark->id.pid, mark->name);
}

void background_forget(struct background *background)
{
	memset(background->marks, 0, sizeof(background->marks));
	memset(background->marked_groups, 0, sizeof(background->marked_groups));
}

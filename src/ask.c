// SPDX-License-Identifier: GPL-2.0-only
#include "ask.h"

#include "log.h"
#include "util.h"

enum status ask_status(int err)
{
	switch (err) {
	case 0:
		return STATUS_OK;
	case -ENOENT:
	case -ECONNREFUSED:
	case -ENOTDIR:
		return STATUS_NO_DAEMON;
	case -EACCES:
	case -EPERM:
		return STATUS_NO_PRIVILEGE;
	default:
		return STATUS_FAILED;
	}
}

enum status ask_connect(const char *path, struct client **ret)
{
	int err = client_connect(path, ASK_TIMEOUT_MS, ret);
	enum status status = ask_status(err);

	if (status == STATUS_NO_DAEMON)
		log_error("no scx_arcade runs, or it does not serve: nobody listens at %s", path);
	else if (err)
		log_error_errno(err, "%s", path);
	return status;
}

enum status ask_request(struct client *client, json_object *req, json_object **resp)
{
	int err = req ? client_request(client, req, resp, ASK_TIMEOUT_MS) : -ENOMEM;

	json_object_put(req);
	if (!err)
		return STATUS_OK;
	log_error("%s", *client_message(client) ? client_message(client) : strerror(-err));
	/* What it has answered is its refusal; there is one, so it runs. */
	if (client_fd(client) >= 0 && err != -EACCES && err != -EPERM)
		return STATUS_FAILED;
	return ask_status(err) == STATUS_NO_PRIVILEGE ? STATUS_NO_PRIVILEGE : STATUS_FAILED;
}

enum status ask_target(struct client *client, const char *target, json_object **resp)
{
	return ask_request(client, client_make_request("stats", "target", target), resp);
}

enum status ask_flush(void)
{
	if (!fflush(stdout) && !ferror(stdout))
		return STATUS_OK;
	log_error_errno(errno, "standard output");
	return STATUS_FAILED;
}

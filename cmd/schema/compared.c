/* Compatibility of schemas: see compared.h. */
#include "cmd/schema/compared.h"

#include "mqtk/report.h"

#include <ctype.h>
#include <stdlib.h>

const char *const compared_modes[] = {"auto",
                                      "backward",
                                      "backward-transitive",
                                      "forward",
                                      "forward-transitive",
                                      "full",
                                      "full-transitive",
                                      NULL};

enum { ERRORS_MAX = 100000 };

const char *compared_mode_name(enum compared_mode mode)
{
	return mode == COMPARED_NONE ? "none" : compared_modes[mode];
}

bool compared_is_transitive(enum compared_mode mode)
{
	return mode == COMPARED_BACKWARD_TRANSITIVE || mode == COMPARED_FORWARD_TRANSITIVE ||
	       mode == COMPARED_FULL_TRANSITIVE;
}

static bool names_level(const char *mode, struct mq_bytes level)
{
	if (strlen(mode) != level.len)
		return false;
	for (size_t i = 0; i < level.len; i++)
		if ((mode[i] == '-' ? '_' : toupper((unsigned char)mode[i])) != level.data[i])
			return false;
	return true;
}

enum compared_mode compared_mode_of_level(struct mq_bytes level)
{
	for (int mode = COMPARED_BACKWARD; mode < COMPARED_NONE; mode++)
		if (names_level(compared_modes[mode], level))
			return (enum compared_mode)mode;
	return names_level("none", level) ? COMPARED_NONE : COMPARED_DEFAULT;
}

/* --- comparing -------------------------------------------------------------------------------- */

static void release_error(struct compared_error *error)
{
	free(error->rule);
	free(error->path);
	free(error->old_path);
	free(error->error);
}

static void add(void *ctx, const struct mq_conflict *conflict)
{
	struct compared *compared = ctx;
	const char *other = conflict->other ? conflict->other : conflict->path;

	if (compared->failed || compared->n == ERRORS_MAX)
		return;
	if (compared->n == compared->cap) {
		size_t cap = compared->cap ? 2 * compared->cap : 16;
		struct compared_error *more = realloc(compared->errors, cap * sizeof *more);
		if (!more) {
			mq_fail_memory(compared->err);
			compared->failed = true;
			return;
		}
		compared->errors = more;
		compared->cap = cap;
	}
	/* The reader of the forward direction is the old one. */
	struct compared_error error = {
	    .rule = strdup(conflict->rule),
	    .path = strdup(compared->forward ? other : conflict->path),
	    .old_path = strdup(compared->forward ? conflict->path : other),
	    .error = strdup(conflict->error),
	    .old = compared->old,
	    .forward = compared->forward,
	};
	if (!error.rule || !error.path || !error.old_path || !error.error) {
		release_error(&error);
		mq_fail_memory(compared->err);
		compared->failed = true;
		return;
	}
	compared->errors[compared->n++] = error;
}

int compared_add(struct compared *compared, enum compared_mode mode, struct mq_schema *now,
                 struct mq_schema *old, const char *old_name, struct mq_err *err)
{
	bool backward = mode <= COMPARED_BACKWARD_TRANSITIVE || mode >= COMPARED_FULL;

	if (mode == COMPARED_NONE)
		return 0;
	compared->err = err;
	compared->old = old_name;
	compared->forward = false;
	if (backward && mq_schema_can_read(now, old, add, compared, err) < 0)
		return -1;
	compared->forward = true;
	if (mode >= COMPARED_FORWARD && mq_schema_can_read(old, now, add, compared, err) < 0)
		return -1;
	return compared->failed ? -1 : 0;
}

void compared_release(struct compared *compared)
{
	for (size_t i = 0; i < compared->n; i++)
		release_error(&compared->errors[i]);
	free(compared->errors);
	*compared = (struct compared){0};
}

/* --- printing --------------------------------------------------------------------------------- */

int compared_print_text(const struct compared *compared, const char *now, struct mq_buf *buf,
                        struct mq_err *err)
{
	for (size_t i = 0; i < compared->n; i++) {
		const struct compared_error *error = &compared->errors[i];
		const char *reader = error->forward ? error->old : now;
		const char *writer = error->forward ? now : error->old;
		const char *path = error->forward ? error->old_path : error->path;
		const char *other = error->forward ? error->path : error->old_path;
		size_t begin = buf->len;
		if (mq_buf_printf(buf, err, "%s: %s: %s: ", reader, path, error->rule) < 0 ||
		    mq_buf_append_str(buf, error->error, err) < 0 ||
		    mq_buf_printf(buf, err, " (%s: %s)", writer, other) < 0)
			return -1;
		/* Names and paths come from schemas: what drives a terminal becomes '?'. */
		mq_tame(buf->data + begin, buf->len - begin);
		if (mq_buf_append_char(buf, '\n', err) < 0)
			return -1;
	}
	return 0;
}

int compared_print_json(const struct compared *compared, enum compared_mode mode,
                        struct mq_buf *buf, struct mq_err *err)
{
	struct mq_json json;

	mq_json_init(&json, buf, err);
	mq_json_open(&json, NULL, '{');
	mq_json_bool(&json, "compatible", compared->n == 0);
	mq_json_text(&json, "mode", compared_mode_name(mode));
	mq_json_open(&json, "errors", '[');
	for (size_t i = 0; i < compared->n; i++) {
		const struct compared_error *error = &compared->errors[i];
		mq_json_open(&json, NULL, '{');
		mq_json_text(&json, "old", error->old);
		mq_json_text(&json, "direction", error->forward ? "forward" : "backward");
		mq_json_text(&json, "rule", error->rule);
		mq_json_text(&json, "path", error->path);
		mq_json_text(&json, "old_path", error->old_path);
		mq_json_text(&json, "error", error->error);
		mq_json_close(&json, '}');
	}
	mq_json_close(&json, ']');
	mq_json_close(&json, '}');
	return mq_json_end(&json);
}

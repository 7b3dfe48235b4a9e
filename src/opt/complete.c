/* Word lists for the completions of all shells: see complete.h. */
#include "opt/complete.h"
#include "mqtk/backend.h"

#include <string.h>

void mq_complete_schemes(struct mq_buf *buf, struct mq_err *err)
{
	for (size_t i = 0; mq_backends[i]; i++)
		for (const char *const *scheme = mq_backends[i]->schemes; *scheme; scheme++)
			mq_buf_printf(buf, err, "%s%s ", *scheme,
			              strcmp(*scheme, "sqlite") == 0 ? ":" : "://");
	mq_buf_append_str(buf, "local/ ", err);
}

/* True when an earlier backend has a setting of that name. */
static bool seen_before(size_t backend, const char *name)
{
	for (size_t i = 0; i < backend; i++)
		for (const struct mq_setting *s = mq_backends[i]->settings; s && s->name; s++)
			if (strcmp(s->name, name) == 0)
				return true;
	return false;
}

void mq_complete_settings(struct mq_buf *buf, struct mq_err *err)
{
	for (size_t i = 0; mq_backends[i]; i++)
		for (const struct mq_setting *s = mq_backends[i]->settings; s && s->name; s++)
			if (!seen_before(i, s->name))
				mq_buf_printf(buf, err, "%s= ", s->name);
	for (const struct mq_setting *s = mq_registry_settings; s->name; s++)
		mq_buf_printf(buf, err, "%s= ", s->name);
}

void mq_complete_topics(const struct mq_command *const *commands, struct mq_buf *buf,
                        struct mq_err *err)
{
	mq_complete_commands(commands, NULL, buf, err);
	for (const struct mq_topic *topic = mq_topics; topic->name; topic++)
		mq_buf_printf(buf, err, "%s ", topic->name);
	mq_buf_append_str(buf, "backends ", err);
	for (size_t i = 0; mq_backends[i]; i++)
		mq_buf_printf(buf, err, "%s ", mq_backends[i]->name);
}

/* The length of the first word when two names begin with the same one, else 0. */
static size_t same_family(const char *a, const char *b)
{
	size_t len = strcspn(a, " ");

	return a[len] == ' ' && b[strcspn(b, " ")] == ' ' && strncmp(a, b, len + 1) == 0 ? len : 0;
}

bool mq_command_begins_family(const struct mq_command *const *commands, size_t i)
{
	if (!strchr(commands[i]->name, ' '))
		return false;
	for (size_t j = 0; j < i; j++)
		if (same_family(commands[i]->name, commands[j]->name))
			return false;
	return true;
}

void mq_complete_commands(const struct mq_command *const *commands, const char *family,
                          struct mq_buf *buf, struct mq_err *err)
{
	for (size_t i = 0; commands[i]; i++) {
		const char *name = commands[i]->name;
		const char *space = strchr(name, ' ');
		if (family) {
			if (space && same_family(name, family))
				mq_buf_printf(buf, err, "%s ", space + 1);
		} else if (!space) {
			mq_buf_printf(buf, err, "%s ", name);
		} else if (mq_command_begins_family(commands, i)) {
			mq_buf_printf(buf, err, "%.*s ", (int)(space - name), name);
		}
	}
}

void mq_complete_quote(const char *text, struct mq_buf *buf, struct mq_err *err)
{
	mq_buf_append_char(buf, '\'', err);
	for (; *text; text++) {
		if (*text == '\'')
			mq_buf_append_str(buf, "'\\''", err);
		else
			mq_buf_append_char(buf, *text, err);
	}
	mq_buf_append_char(buf, '\'', err);
}

void mq_complete_identifier(const char *name, struct mq_buf *buf, struct mq_err *err)
{
	for (; *name; name++)
		mq_buf_append_char(buf, *name == ' ' || *name == '-' ? '_' : *name, err);
}

/* From words of the command line to the row of a command, or to a helpful refusal. */
#include "mqtk/help.h"

#include <stdlib.h>
#include <string.h>

/* How many of the words the name matches completely, or 0. */
static size_t words_matched(const char *name, size_t n, const char *const *words)
{
	size_t used = 0;

	while (*name) {
		size_t len = strcspn(name, " ");
		if (used == n || strlen(words[used]) != len || memcmp(words[used], name, len) != 0)
			return 0;
		used++;
		name += len;
		name += strspn(name, " ");
	}
	return used;
}

static bool in_family(const struct mq_command *command, const char *word)
{
	size_t len = strcspn(command->name, " ");

	return command->name[len] == ' ' && strlen(word) == len &&
	       memcmp(command->name, word, len) == 0;
}

bool mq_command_is_family(const struct mq_command *const *commands, const char *word)
{
	for (size_t i = 0; commands[i]; i++)
		if (in_family(commands[i], word))
			return true;
	return false;
}

/* "dlq" or "dlq shwo": names what the family has. */
static void fail_in_family(const struct mq_command *const *commands, size_t n,
                           const char *const *words, struct mq_err *err)
{
	struct mq_buf list;

	mq_buf_init(&list, 400);
	for (size_t i = 0; commands[i]; i++)
		if (in_family(commands[i], words[0]))
			mq_buf_printf(&list, NULL, "%s%s", list.len ? ", " : "",
			              strchr(commands[i]->name, ' ') + 1);
	const char *names = list.data ? list.data : "";
	if (n > 1 && words[1][0] != '-')
		mq_fail(err, MQ_USAGE, "unknown command '%s %s', expected one of: %s", words[0],
		        words[1], names);
	else
		mq_fail(err, MQ_USAGE, "'%s' needs one of: %s", words[0], names);
	mq_buf_release(&list);
}

const struct mq_command *mq_command_find(const struct mq_command *const *commands, size_t n,
                                         const char *const *words, size_t *ret_used,
                                         struct mq_err *err)
{
	const struct mq_command *found = NULL;
	size_t count = 0;

	*ret_used = 0;
	for (; commands[count]; count++) {
		size_t used = words_matched(commands[count]->name, n, words);
		if (used > *ret_used) {
			found = commands[count];
			*ret_used = used;
		}
	}
	if (found)
		return found;
	if (n == 0) {
		mq_fail(err, MQ_USAGE, "which command?");
		return NULL;
	}
	if (mq_command_is_family(commands, words[0])) {
		fail_in_family(commands, n, words, err);
		return NULL;
	}
	const char **names = calloc(count + 1, sizeof *names);
	if (!names) {
		mq_fail_memory(err);
		return NULL;
	}
	for (size_t i = 0; i < count; i++)
		names[i] = commands[i]->name;
	const char *nearest = mq_nearest(words[0], names);
	if (nearest) {
		mq_fail(err, MQ_USAGE, "unknown command '%s'; did you mean '%s'?", words[0],
		        nearest);
	} else {
		mq_fail(err, MQ_USAGE, "unknown command '%s'", words[0]);
		mq_hint(err, "mqtk help lists the commands");
	}
	free(names);
	return NULL;
}

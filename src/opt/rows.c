/* Walking over a command's rows, and checking them: see rows.h and mqtk/help.h. */
#include "opt/rows.h"
#include "mqtk/help.h"
#include "opt/value.h"

#include <string.h>

const struct mq_option *mq_option_row(const struct mq_command *command, size_t i)
{
	for (const struct mq_option_set *set = command->sets; set && set->rows; set++)
		for (const struct mq_option *row = set->rows; !mq_option_is_end(row); row++)
			if (i-- == 0)
				return row;
	if (command->raw_arguments)
		return NULL;
	for (const struct mq_option *row = mq_common_rows; !mq_option_is_end(row); row++)
		if (i-- == 0)
			return row;
	return NULL;
}

const struct mq_option *mq_option_find(const struct mq_command *command, const char *name,
                                       size_t len)
{
	const struct mq_option *row;

	for (size_t i = 0; (row = mq_option_row(command, i)); i++)
		if (row->name && strlen(row->name) == len && memcmp(row->name, name, len) == 0)
			return row;
	for (size_t i = 0; len == 1 && (row = mq_option_row(command, i)); i++)
		if (row->letter == *name)
			return row;
	return NULL;
}

static int check_row(const struct mq_command *command, const struct mq_option *row, size_t index,
                     struct mq_err *err)
{
	const struct mq_option *other;
	char label[MQ_LABEL_SIZE];

	mq_option_label(row, true, label);
	for (size_t i = 0; i < index && (other = mq_option_row(command, i)); i++)
		if ((row->letter && row->letter == other->letter) ||
		    (row->name && other->name && strcmp(row->name, other->name) == 0))
			return mq_fail(err, MQ_INTERNAL, "%s: %s has the name or letter of another",
			               command->name, label);
	if (!row->help || !*row->help || row->help[strlen(row->help) - 1] == '.')
		return mq_fail(err, MQ_INTERNAL, "%s: the help of %s is missing or ends in '.'",
		               command->name, label);
	if (mq_option_takes_value(row) != (row->arg != NULL))
		return mq_fail(err, MQ_INTERNAL, "%s: arg of %s does not fit its type",
		               command->name, label);
	if (row->implied && !mq_option_takes_value(row))
		return mq_fail(err, MQ_INTERNAL, "%s: %s implies a value but takes none",
		               command->name, label);
	if ((row->type == MQ_OPT_CHOICE) != (row->choices != NULL) ||
	    (row->type == MQ_OPT_CUSTOM) != (row->custom != NULL))
		return mq_fail(err, MQ_INTERNAL, "%s: choices or custom of %s do not fit its type",
		               command->name, label);
	for (const char *name = row->excludes; name && *name;) {
		size_t len = strcspn(name, " ");
		if (!mq_option_find(command, name, len))
			return mq_fail(err, MQ_INTERNAL, "%s: %s excludes the unknown '%.*s'",
			               command->name, label, (int)len, name);
		name += len;
		name += strspn(name, " ");
	}
	return 0;
}

int mq_command_check(const struct mq_command *command, struct mq_err *err)
{
	const struct mq_option *row;

	if (!command->summary || !command->run || command->values_size < sizeof(struct mq_common))
		return mq_fail(err, MQ_INTERNAL, "%s: summary, run or values_size is missing",
		               command->name);
	for (size_t i = 0; (row = mq_option_row(command, i)); i++)
		if (check_row(command, row, i, err) < 0)
			return -1;
	return 0;
}

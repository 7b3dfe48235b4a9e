/* The completions of fish: one line for each option of each command. */
#include "opt/complete.h"

#include <string.h>

static const char head[] =
    "# fish completion of mqtk. Made from its tables by `make docs`: do not edit.\n"
    "\n"
    "function __mqtk_using\n"
    "\tset -l words (commandline -opc)\n"
    "\tset -l wanted (string split ' ' -- $argv[1])\n"
    "\tset -l n (count $wanted)\n"
    "\tset -l last (math $n + 1)\n"
    "\ttest (count $words) -gt $n; and test \"$words[2..$last]\" = \"$wanted\"\n"
    "end\n"
    "\n"
    "function __mqtk_only\n"
    "\tset -l words (commandline -opc)\n"
    "\tset -e words[1]\n"
    "\ttest \"$words\" = \"$argv\"\n"
    "end\n"
    "\n";

/* fish knows two escapes inside of single quotes. */
static void append_quoted(const char *text, struct mq_buf *buf, struct mq_err *err)
{
	mq_buf_append_char(buf, '\'', err);
	for (; *text; text++) {
		if (*text == '\'' || *text == '\\')
			mq_buf_append_char(buf, '\\', err);
		mq_buf_append_char(buf, *text, err);
	}
	mq_buf_append_char(buf, '\'', err);
}

static void append_action(enum mq_complete complete, struct mq_buf *buf, struct mq_err *err)
{
	switch (complete) {
	case MQ_COMPLETE_NONE:
		break;
	case MQ_COMPLETE_FILE:
		mq_buf_append_str(buf, " -F", err);
		break;
	case MQ_COMPLETE_ADDRESS:
		mq_buf_append_str(buf, " -f -a '(__mqtk_addresses)'", err);
		break;
	case MQ_COMPLETE_SETTING:
		mq_buf_append_str(buf, " -f -a '(__mqtk_settings)'", err);
		break;
	case MQ_COMPLETE_TOPIC:
		mq_buf_append_str(buf, " -f -a '(__mqtk_topics)'", err);
		break;
	}
}

static void append_option(const struct mq_command *command, const struct mq_option *row,
                          struct mq_buf *buf, struct mq_err *err)
{
	mq_buf_printf(buf, err, "complete -c mqtk -n '__mqtk_using \"%s\"'", command->name);
	if (row->letter)
		mq_buf_printf(buf, err, " -s %c", row->letter);
	if (row->name)
		mq_buf_printf(buf, err, " -l %s", row->name);
	if (mq_option_takes_value(row)) {
		/* With neither, fish offers a value behind '=' alone. */
		if (!row->implied)
			mq_buf_append_str(buf, row->complete == MQ_COMPLETE_FILE ? " -r" : " -x",
			                  err);
		if (row->choices) {
			mq_buf_append_str(buf, " -a '", err);
			for (size_t i = 0; row->choices[i]; i++)
				mq_buf_printf(buf, err, "%s%s", i ? " " : "", row->choices[i]);
			mq_buf_append_char(buf, '\'', err);
		} else {
			append_action(row->complete, buf, err);
		}
	}
	mq_buf_append_str(buf, " -d ", err);
	append_quoted(row->help, buf, err);
	mq_buf_append_char(buf, '\n', err);
}

static void append_command(const struct mq_command *command, struct mq_buf *buf, struct mq_err *err)
{
	const struct mq_option *row;
	const char *space = strchr(command->name, ' ');

	mq_buf_printf(buf, err, "\n# mqtk %s\ncomplete -c mqtk -n '__mqtk_only%s%.*s' -a %s -d ",
	              command->name, space ? " " : "", space ? (int)(space - command->name) : 0,
	              command->name, space ? space + 1 : command->name);
	append_quoted(command->summary, buf, err);
	mq_buf_append_char(buf, '\n', err);
	for (size_t i = 0; (row = mq_option_row(command, i)); i++)
		append_option(command, row, buf, err);
	if (command->operand_complete != MQ_COMPLETE_NONE) {
		mq_buf_printf(buf, err, "complete -c mqtk -n '__mqtk_using \"%s\"'", command->name);
		append_action(command->operand_complete, buf, err);
		mq_buf_append_char(buf, '\n', err);
	}
}

/* A function that prints the words, one per line. */
static void append_words(const char *name, void (*words)(struct mq_buf *, struct mq_err *),
                         const char *more, struct mq_buf *buf, struct mq_err *err)
{
	mq_buf_printf(buf, err, "function __mqtk_%s\n\tprintf '%%s\\n' ", name);
	words(buf, err);
	mq_buf_printf(buf, err, "\n%send\n\n", more);
}

int mq_complete_fish(const struct mq_command *const *commands, struct mq_buf *buf,
                     struct mq_err *err)
{
	mq_buf_append_str(buf, head, err);
	append_words("addresses", mq_complete_schemes,
	             "\tmqtk config --profiles 2>/dev/null | string replace -r '$' /\n", buf, err);
	append_words("settings", mq_complete_settings, "", buf, err);
	mq_buf_append_str(buf, "function __mqtk_topics\n\tprintf '%s\\n' ", err);
	mq_complete_topics(commands, buf, err);
	mq_buf_append_str(buf, "\nend\n\ncomplete -c mqtk -f\n", err);
	for (size_t i = 0; commands[i]; i++) {
		if (mq_command_begins_family(commands, i)) {
			int len = (int)strcspn(commands[i]->name, " ");
			mq_buf_printf(buf, err, "complete -c mqtk -n __mqtk_only -a %.*s\n", len,
			              commands[i]->name);
		}
		append_command(commands[i], buf, err);
	}
	return err->code == MQ_OK ? 0 : -1;
}

/* The completions of zsh: one function with _arguments for each command. */
#include "opt/complete.h"

#include <string.h>

/* Text inside of […] or between the colons of a spec of _arguments, in single quotes. */
static void append_spec_text(const char *text, struct mq_buf *buf, struct mq_err *err)
{
	for (; *text; text++) {
		if (strchr("[]:\\", *text))
			mq_buf_append_char(buf, '\\', err);
		if (*text == '\'')
			mq_buf_append_str(buf, "'\\''", err);
		else
			mq_buf_append_char(buf, *text, err);
	}
}

static const char *action_of(enum mq_complete complete)
{
	static const char *const actions[] = {
	    [MQ_COMPLETE_NONE] = " ",
	    [MQ_COMPLETE_FILE] = "_files",
	    [MQ_COMPLETE_ADDRESS] = "_mqtk_addresses",
	    [MQ_COMPLETE_SETTING] = "_mqtk_settings",
	    [MQ_COMPLETE_TOPIC] = "_mqtk_topics",
	};

	return actions[complete];
}

/* The names that may not stand beside this row: its other form and what it excludes. */
static void append_excluded(const struct mq_command *command, const struct mq_option *row,
                            struct mq_buf *buf, struct mq_err *err)
{
	mq_buf_append_char(buf, '(', err);
	if (row->letter)
		mq_buf_printf(buf, err, "-%c ", row->letter);
	if (row->name)
		mq_buf_printf(buf, err, "--%s ", row->name);
	for (const char *name = row->excludes; name && *name;) {
		size_t len = strcspn(name, " ");
		const struct mq_option *other = mq_option_find(command, name, len);
		if (other && other->letter)
			mq_buf_printf(buf, err, "-%c ", other->letter);
		if (other && other->name)
			mq_buf_printf(buf, err, "--%s ", other->name);
		name += len;
		name += strspn(name, " ");
	}
	if (buf->len > 0 && buf->data[buf->len - 1] == ' ')
		buf->len--;
	mq_buf_append_char(buf, ')', err);
}

static void append_form(const struct mq_command *command, const struct mq_option *row,
                        bool long_form, struct mq_buf *buf, struct mq_err *err)
{
	bool value = mq_option_takes_value(row);

	mq_buf_append_str(buf, " \\\n\t\t'", err);
	if (row->type == MQ_OPT_LIST || row->type == MQ_OPT_COUNT)
		mq_buf_append_char(buf, '*', err);
	else
		append_excluded(command, row, buf, err);
	const char *joined = !value ? "" : row->implied ? "-" : long_form ? "" : "+";
	if (long_form)
		mq_buf_printf(buf, err, "--%s%s%s[", row->name, value ? "=" : "", joined);
	else
		mq_buf_printf(buf, err, "-%c%s[", row->letter, joined);
	append_spec_text(row->help, buf, err);
	mq_buf_append_char(buf, ']', err);
	if (value) {
		mq_buf_append_str(buf, row->implied ? "::" : ":", err);
		append_spec_text(row->arg, buf, err);
		mq_buf_append_char(buf, ':', err);
		if (row->choices) {
			for (size_t i = 0; row->choices[i]; i++)
				mq_buf_printf(buf, err, "%s%s", i ? " " : "(", row->choices[i]);
			mq_buf_append_char(buf, ')', err);
		} else {
			mq_buf_append_str(buf, action_of(row->complete), err);
		}
	}
	mq_buf_append_char(buf, '\'', err);
}

static void append_command(const struct mq_command *command, struct mq_buf *buf, struct mq_err *err)
{
	const struct mq_option *row;

	mq_buf_append_str(buf, "_mqtk_", err);
	mq_complete_identifier(command->name, buf, err);
	mq_buf_append_str(buf, "() {\n\t_arguments -s -S", err);
	for (size_t i = 0; (row = mq_option_row(command, i)); i++) {
		if (row->letter)
			append_form(command, row, false, buf, err);
		if (row->name)
			append_form(command, row, true, buf, err);
	}
	mq_buf_append_str(buf, " \\\n\t\t'*:", err);
	append_spec_text(command->operands ? command->operands : "operand", buf, err);
	mq_buf_printf(buf, err, ":%s'\n}\n\n", action_of(command->operand_complete));
}

static void append_descriptions(const struct mq_command *const *commands, struct mq_buf *buf,
                                struct mq_err *err)
{
	for (size_t i = 0; commands[i]; i++) {
		size_t len = strcspn(commands[i]->name, " ");
		if (commands[i]->name[len] && !mq_command_begins_family(commands, i))
			continue;
		mq_buf_printf(buf, err, "\t\t'%.*s:", (int)len, commands[i]->name);
		append_spec_text(commands[i]->name[len] ? "several commands" : commands[i]->summary,
		                 buf, err);
		mq_buf_append_str(buf, "'\n", err);
	}
}

static void append_families(const struct mq_command *const *commands, struct mq_buf *buf,
                            struct mq_err *err)
{
	for (size_t i = 0; commands[i]; i++) {
		if (!mq_command_begins_family(commands, i))
			continue;
		int len = (int)strcspn(commands[i]->name, " ");
		mq_buf_printf(buf, err,
		              "\tif [[ $cmd == %.*s ]]; then\n"
		              "\t\tif ((CURRENT == 2)); then compadd -- ",
		              len, commands[i]->name);
		mq_complete_commands(commands, commands[i]->name, buf, err);
		mq_buf_append_str(buf,
		                  "; return; fi\n\t\tcmd+=_$words[2]\n\t\tshift words\n"
		                  "\t\t((CURRENT--))\n\tfi\n",
		                  err);
	}
}

int mq_complete_zsh(const struct mq_command *const *commands, struct mq_buf *buf,
                    struct mq_err *err)
{
	mq_buf_append_str(buf,
	                  "#compdef mqtk\n"
	                  "# zsh completion of mqtk. Made from its tables by `make docs`: do not "
	                  "edit.\n\n"
	                  "_mqtk_addresses() {\n"
	                  "\tlocal -a profiles\n"
	                  "\tprofiles=(${(f)\"$(mqtk config --profiles 2>/dev/null)\"})\n"
	                  "\tcompadd -S '' -- ",
	                  err);
	mq_complete_schemes(buf, err);
	mq_buf_append_str(buf,
	                  "\n\tcompadd -S / -a profiles\n}\n\n_mqtk_settings() {\n"
	                  "\tcompadd -S '' -- ",
	                  err);
	mq_complete_settings(buf, err);
	mq_buf_append_str(buf, "\n}\n\n_mqtk_topics() {\n\tcompadd -- ", err);
	mq_complete_topics(commands, buf, err);
	mq_buf_append_str(buf, "\n}\n\n", err);
	for (size_t i = 0; commands[i]; i++)
		append_command(commands[i], buf, err);
	mq_buf_append_str(buf, "_mqtk() {\n\tlocal cmd\n\tlocal -a commands\n\tcommands=(\n", err);
	append_descriptions(commands, buf, err);
	mq_buf_append_str(buf,
	                  "\t)\n\tif ((CURRENT == 2)); then\n"
	                  "\t\t_describe -t commands command commands\n\t\treturn\n\tfi\n"
	                  "\tcmd=$words[2]\n\tshift words\n\t((CURRENT--))\n",
	                  err);
	append_families(commands, buf, err);
	mq_buf_append_str(buf,
	                  "\tif (($+functions[_mqtk_$cmd])); then\n\t\t_mqtk_$cmd\n\tfi\n}\n\n"
	                  "if [[ $funcstack[1] == _mqtk ]]; then _mqtk \"$@\"; else compdef _mqtk "
	                  "mqtk; fi\n",
	                  err);
	return err->code == MQ_OK ? 0 : -1;
}

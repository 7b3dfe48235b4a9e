/* The completions of bash. They need no bash-completion package. */
#include "opt/complete.h"

#include <string.h>

static const char head[] =
    "# bash completion of mqtk. Made from its tables by `make docs`: do not edit.\n"
    "\n"
    "_mqtk_reply() {\n"
    "\tmapfile -t COMPREPLY < <(compgen -W \"$1\" -- \"$cur\")\n"
    "\t# What ends in one of these is not finished yet.\n"
    "\tif [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *[=/:] ]]; then compopt -o nospace; fi\n"
    "}\n"
    "\n"
    "_mqtk_files() {\n"
    "\tcompopt -o filenames\n"
    "\tmapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
    "}\n"
    "\n"
    "_mqtk_addresses() {\n"
    "\t_mqtk_reply \"$schemes $(mqtk config --profiles 2>/dev/null | sed 's|$|/|')\"\n"
    "}\n"
    "\n";

static const char body[] =
    "_mqtk() {\n"
    "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
    "\tlocal cmd=${COMP_WORDS[1]}\n"
    "\tCOMPREPLY=()\n"
    "\t# Readline splits words at '=' and ':'.\n"
    "\tif [[ $cur == : || $prev == : ]]; then return; fi\n"
    "\tlocal equals=\n"
    "\tif [[ $cur == = || $prev == = ]]; then\n"
    "\t\tequals=1\n"
    "\t\tif [[ $cur == = ]]; then cur=; else prev=${COMP_WORDS[COMP_CWORD-2]}; fi\n"
    "\t\tif [[ $prev != --* ]]; then return; fi\n"
    "\tfi\n";

/* What completes a value or an operand, as one statement. */
static void append_action(enum mq_complete complete, struct mq_buf *buf, struct mq_err *err)
{
	static const char *const actions[] = {
	    [MQ_COMPLETE_NONE] = ":",
	    [MQ_COMPLETE_FILE] = "_mqtk_files",
	    [MQ_COMPLETE_ADDRESS] = "_mqtk_addresses",
	    [MQ_COMPLETE_SETTING] = "_mqtk_reply \"$settings\"",
	    [MQ_COMPLETE_TOPIC] = "_mqtk_reply \"$topics\"",
	};

	mq_buf_append_str(buf, actions[complete], err);
}

static void append_command(const struct mq_command *command, struct mq_buf *buf, struct mq_err *err)
{
	const struct mq_option *row;

	mq_buf_append_char(buf, '\t', err);
	mq_complete_quote(command->name, buf, err);
	mq_buf_append_str(buf, ")\n\t\tcase $prev in\n", err);
	for (size_t i = 0; (row = mq_option_row(command, i)); i++) {
		/* A value that may be left out stands behind '=' only. */
		if (!mq_option_takes_value(row) || (row->implied && !row->name))
			continue;
		mq_buf_append_str(buf, "\t\t", err);
		if (row->letter && !row->implied)
			mq_buf_printf(buf, err, "-%c%s", row->letter, row->name ? "|" : "");
		if (row->name)
			mq_buf_printf(buf, err, "--%s", row->name);
		mq_buf_append_str(buf, row->implied ? ") if [[ $equals ]]; then " : ") ", err);
		if (row->choices) {
			mq_buf_append_str(buf, "_mqtk_reply '", err);
			for (size_t c = 0; row->choices[c]; c++)
				mq_buf_printf(buf, err, "%s ", row->choices[c]);
			mq_buf_append_char(buf, '\'', err);
		} else {
			append_action(row->complete, buf, err);
		}
		mq_buf_append_str(buf, row->implied ? "; return; fi ;;\n" : "; return ;;\n", err);
	}
	mq_buf_append_str(buf, "\t\tesac\n\t\tif [[ $cur == -* ]]; then\n\t\t\t_mqtk_reply '", err);
	for (size_t i = 0; (row = mq_option_row(command, i)); i++) {
		if (row->name)
			mq_buf_printf(buf, err, "--%s ", row->name);
		else
			mq_buf_printf(buf, err, "-%c ", row->letter);
	}
	mq_buf_append_str(buf, "'\n\t\telse\n\t\t\t", err);
	append_action(command->operand_complete, buf, err);
	mq_buf_append_str(buf, "\n\t\tfi ;;\n", err);
}

/* A command without options: only its operands complete. */
static void append_raw_command(const struct mq_command *command, struct mq_buf *buf,
                               struct mq_err *err)
{
	mq_buf_append_char(buf, '\t', err);
	mq_complete_quote(command->name, buf, err);
	mq_buf_append_str(buf, ") ", err);
	append_action(command->operand_complete, buf, err);
	mq_buf_append_str(buf, " ;;\n", err);
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
		              "\t\tif ((COMP_CWORD == 2)); then _mqtk_reply '",
		              len, commands[i]->name);
		mq_complete_commands(commands, commands[i]->name, buf, err);
		mq_buf_append_str(buf, "'; return; fi\n\t\tcmd+=\" ${COMP_WORDS[2]}\"\n\tfi\n",
		                  err);
	}
}

int mq_complete_bash(const struct mq_command *const *commands, struct mq_buf *buf,
                     struct mq_err *err)
{
	mq_buf_append_str(buf, head, err);
	mq_buf_append_str(buf, body, err);
	mq_buf_append_str(buf, "\tlocal schemes='", err);
	mq_complete_schemes(buf, err);
	mq_buf_append_str(buf, "'\n\tlocal settings='", err);
	mq_complete_settings(buf, err);
	mq_buf_append_str(buf, "'\n\tlocal topics='", err);
	mq_complete_topics(commands, buf, err);
	mq_buf_append_str(buf, "'\n\tif ((COMP_CWORD == 1)); then\n\t\t_mqtk_reply '", err);
	mq_complete_commands(commands, NULL, buf, err);
	mq_buf_append_str(buf, "--help --version'\n\t\treturn\n\tfi\n", err);
	append_families(commands, buf, err);
	mq_buf_append_str(buf, "\tcase $cmd in\n", err);
	for (size_t i = 0; commands[i]; i++) {
		if (!mq_option_row(commands[i], 0))
			append_raw_command(commands[i], buf, err);
		else
			append_command(commands[i], buf, err);
	}
	mq_buf_append_str(buf, "\tesac\n}\n\ncomplete -F _mqtk mqtk\n", err);
	return err->code == MQ_OK ? 0 : -1;
}

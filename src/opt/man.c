/*
 * Man pages in mdoc from the same rows as the help. The pages are committed in man/ and compared in
 * lint (tools/docs.c, mk/docs.mk).
 *
 * As in help.c an error stays in err and is seen at the end.
 */
#include "mqtk/backend.h"
#include "mqtk/help.h"
#include "opt/rows.h"
#include "opt/text.h"

#include <stdio.h>

/* Pages carry the date of the last change of their form, so that making them twice gives the same
 * bytes. */
#define MAN_DATE "November 23, 2026"

/* --- escaping -------------------------------------------------------------------------------- */

/* Decodes the UTF-8 character at text; the tables are valid UTF-8. */
static size_t character_at(const char *text, unsigned *ret_code)
{
	const unsigned char *s = (const unsigned char *)text;

	if (s[0] < 0x80) {
		*ret_code = s[0];
		return 1;
	}
	size_t len = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
	unsigned code = s[0] & (0x7fU >> len);
	for (size_t i = 1; i < len && s[i]; i++)
		code = code << 6 | (s[i] & 0x3fU);
	*ret_code = code;
	return len;
}

/* Text as roff reads it: nothing in it is a request or an escape. */
static void append_escaped(struct mq_buf *buf, const char *text, size_t len, struct mq_err *err)
{
	bool line_start = buf->len == 0 || buf->data[buf->len - 1] == '\n';

	for (size_t i = 0; i < len;) {
		unsigned code;
		size_t n = character_at(text + i, &code);
		if (line_start && (code == '.' || code == '\''))
			mq_buf_append_str(buf, "\\&", err);
		line_start = code == '\n';
		switch (code) {
		case '\\':
			mq_buf_append_str(buf, "\\e", err);
			break;
		case '-':
			mq_buf_append_str(buf, "\\-", err);
			break;
		case '\'':
			mq_buf_append_str(buf, "\\(aq", err);
			break;
		case '`':
			mq_buf_append_str(buf, "\\(ga", err);
			break;
		case '^':
			mq_buf_append_str(buf, "\\(ha", err);
			break;
		case '~':
			mq_buf_append_str(buf, "\\(ti", err);
			break;
		case '"':
			mq_buf_append_str(buf, "\\(dq", err);
			break;
		default:
			if (code < 0x80)
				mq_buf_append_char(buf, (char)code, err);
			else
				mq_buf_printf(buf, err, "\\[u%04X]", code);
		}
		i += n;
	}
}

static void append_text(struct mq_buf *buf, const char *text, struct mq_err *err)
{
	append_escaped(buf, text, strlen(text), err);
}

/* An argument of a macro: quoted, and never itself read as a macro or as punctuation. */
static void append_argument(struct mq_buf *buf, const char *text, struct mq_err *err)
{
	mq_buf_append_str(buf, " \"\\&", err);
	append_text(buf, text, err);
	mq_buf_append_char(buf, '"', err);
}

/* Paragraphs; indented lines become a literal display. mandoc wants each sentence on its own line
 * and none longer than 80 bytes, so words are set line by line. */
static void append_filled(struct mq_buf *buf, const char *text, size_t len, struct mq_err *err)
{
	size_t line = buf->len; /* where the line began */
	bool sentence_ended = false;

	for (size_t i = 0; i < len;) {
		size_t n = 0;
		while (i + n < len && text[i + n] != ' ' && text[i + n] != '\n')
			n++;
		if (n > 0) {
			size_t gap = buf->len;
			if (gap > line)
				mq_buf_append_char(buf, ' ', err);
			if (text[i] == '.') /* it may come to stand at the beginning of a line */
				mq_buf_append_str(buf, "\\&", err);
			append_escaped(buf, text + i, n, err);
			if (err->code != MQ_OK)
				return;
			if (gap > line && (sentence_ended || buf->len - line > 72)) {
				buf->data[gap] = '\n';
				line = gap + 1;
			}
			sentence_ended = text[i + n - 1] == '.';
		}
		i += n + 1;
	}
	mq_buf_append_char(buf, '\n', err);
}

static void append_paragraphs(struct mq_buf *buf, const char *text, struct mq_err *err)
{
	bool literal = false;
	bool gap = false;

	while (*text) {
		size_t len = mq_line_length(text);
		if (len > 0 && *text == ' ') {
			if (!literal)
				mq_buf_append_str(buf, ".Bd -literal -offset indent\n", err);
			literal = true;
			append_escaped(buf, text + 2, len - 2, err);
			mq_buf_append_char(buf, '\n', err);
		} else {
			if (literal)
				mq_buf_append_str(buf, ".Ed\n", err);
			if (len == 0) {
				gap = true;
			} else {
				if (gap || literal)
					mq_buf_append_str(buf, ".Pp\n", err);
				append_filled(buf, text, len, err);
				gap = false;
			}
			literal = false;
		}
		text += len;
		text += *text == '\n';
	}
	if (literal)
		mq_buf_append_str(buf, ".Ed\n", err);
}

/* --- parts ----------------------------------------------------------------------------------- */

static void upper_case(char *text)
{
	for (char *c = text; *c; c++)
		*c = *c >= 'a' && *c <= 'z' ? (char)(*c - 'a' + 'A') : *c;
}

static void append_head(struct mq_buf *buf, const char *name, const char *summary,
                        struct mq_err *err)
{
	char page[80];
	char upper[80];

	snprintf(page, sizeof page, "mqtk%s%s", *name ? "-" : "", name);
	for (char *c = page; *c; c++)
		*c = *c == ' ' ? '-' : *c;
	snprintf(upper, sizeof upper, "%s", page);
	upper_case(upper);
	mq_buf_printf(buf, err,
	              ".\\\" Made from the tables of mqtk by `make docs`: do not edit.\n"
	              ".Dd " MAN_DATE "\n.Dt %s 1\n.Os\n.Sh NAME\n.Nm %s\n.Nd ",
	              upper, page);
	append_text(buf, summary, err);
	mq_buf_append_char(buf, '\n', err);
}

/* "-c, --count N" as the head of a list item. */
static void append_option_item(struct mq_buf *buf, const struct mq_option *row, struct mq_err *err)
{
	mq_buf_append_str(buf, ".It", err);
	if (row->letter)
		mq_buf_printf(buf, err, " Fl %c", row->letter);
	if (row->letter && row->name)
		mq_buf_append_str(buf, " ,", err);
	if (row->name) {
		mq_buf_append_str(buf, " Fl \\-", err);
		append_text(buf, row->name, err);
	}
	if (row->arg) {
		if (row->implied)
			mq_buf_append_str(buf, row->name ? " Ns Op = Ns" : " Ns", err);
		mq_buf_append_str(buf, " Ar", err);
		append_argument(buf, row->arg, err);
	}
	mq_buf_append_char(buf, '\n', err);
}

/* A line of help as a sentence. */
static void append_sentence(struct mq_buf *buf, const char *help, struct mq_err *err)
{
	size_t from = buf->len;
	size_t len = strlen(help);

	append_filled(buf, help, len, err);
	if (err->code != MQ_OK)
		return;
	char *first = buf->data + from;
	if (*first >= 'a' && *first <= 'z')
		*first = (char)(*first - 'a' + 'A');
	if (help[len - 1] != '.') {
		buf->len--;
		mq_buf_append_str(buf, ".\n", err);
	}
}

static void append_set(struct mq_buf *buf, const struct mq_option_set *set, struct mq_err *err)
{
	mq_buf_append_str(buf, ".Ss ", err);
	append_text(buf, set->title, err);
	mq_buf_append_str(buf, "\n.Bl -tag -width Ds\n", err);
	for (const struct mq_option *row = set->rows; !mq_option_is_end(row); row++) {
		append_option_item(buf, row, err);
		append_sentence(buf, row->help, err);
		if (row->more)
			append_paragraphs(buf, row->more, err);
		for (size_t i = 0; row->choices && row->choices[i]; i++) {
			mq_buf_append_str(buf, i ? ",\n" : "One of ", err);
			append_text(buf, row->choices[i], err);
		}
		if (row->choices)
			mq_buf_append_str(buf, ".\n", err);
	}
	mq_buf_append_str(buf, ".El\n", err);
}

static void append_examples(struct mq_buf *buf, const struct mq_example *examples,
                            struct mq_err *err)
{
	if (!examples || !examples->command)
		return;
	mq_buf_append_str(buf, ".Sh EXAMPLES\n.Bl -tag -width Ds\n", err);
	for (const struct mq_example *e = examples; e->command; e++) {
		mq_buf_append_str(buf, ".It Li", err);
		append_argument(buf, e->command, err);
		mq_buf_append_char(buf, '\n', err);
		append_sentence(buf, e->does, err);
	}
	mq_buf_append_str(buf, ".El\n", err);
}

static void append_topic(struct mq_buf *buf, const char *section, const char *name,
                         struct mq_err *err)
{
	struct mq_buf text;

	mq_buf_printf(buf, err, ".Sh %s\n", section);
	mq_buf_init(&text, buf->limit);
	if (mq_topic_append(name, &text, err) == 0)
		append_paragraphs(buf, text.data, err);
	mq_buf_release(&text);
}

/* --- pages ----------------------------------------------------------------------------------- */

int mq_man_command(const struct mq_command *command, struct mq_buf *buf, struct mq_err *err)
{
	const struct mq_option_set common = {.title = "Every command", .rows = mq_common_rows};

	append_head(buf, command->name, command->summary, err);
	mq_buf_append_str(buf, ".Sh SYNOPSIS\n.Nm mqtk\n.Cm", err);
	append_argument(buf, command->name, err);
	mq_buf_append_char(buf, '\n', err);
	if (mq_option_row(command, 0))
		mq_buf_append_str(buf, ".Op Ar option ...\n", err);
	if (command->operands && *command->operands) {
		mq_buf_append_str(buf, ".Ar", err);
		append_argument(buf, command->operands, err);
		mq_buf_append_char(buf, '\n', err);
	}
	mq_buf_append_str(buf, ".Sh DESCRIPTION\n", err);
	if (command->about)
		append_paragraphs(buf, command->about, err);
	else
		append_sentence(buf, command->summary, err);
	if (mq_option_row(command, 0))
		mq_buf_append_str(buf, ".Sh OPTIONS\n", err);
	for (const struct mq_option_set *set = command->sets; set && set->rows; set++)
		append_set(buf, set, err);
	if (!command->raw_arguments) {
		append_set(buf, &common, err);
		mq_buf_append_str(buf,
		                  ".Sh EXIT STATUS\nThe codes are those of all commands: see\n"
		                  ".Sy EXIT STATUS\nin\n.Sy mqtk Ns (1) .\n",
		                  err);
	}
	if (command->topic) {
		char title[80];
		snprintf(title, sizeof title, "%s", command->topic);
		upper_case(title);
		append_topic(buf, title, command->topic, err);
	}
	append_examples(buf, command->examples, err);
	return err->code == MQ_OK ? 0 : -1;
}

static const struct mq_example overview_examples[] = {
    {"seq 3 | mqtk produce local/numbers", "produce three messages into the local store"},
    {"mqtk consume -e local/numbers", "print all of them and exit"},
    {"mqtk tail -n 10 kafka://localhost:9092/orders", "the last ten messages, then what comes"},
    {"mqtk consume -e -J prod/orders | mqtk produce -J local/copy",
     "copy a stream with its keys, headers and timestamps"},
    {0},
};

int mq_man_overview(const struct mq_command *const *commands, struct mq_buf *buf,
                    struct mq_err *err)
{
	append_head(buf, "", "message brokers from the shell", err);
	mq_buf_append_str(buf,
	                  ".Sh SYNOPSIS\n.Nm\n.Ar command\n.Op Ar option ...\n"
	                  ".Op Ar address ...\n.Sh DESCRIPTION\n.Nm\n"
	                  "produces, consumes and looks into the streams of message brokers, with "
	                  "one\ngrammar for all of them.\nIts output can always be its input.\n"
	                  "Nothing is taken or committed unless asked for.\n"
	                  ".Sh COMMANDS\nEach has a page of its own, such as\n"
	                  ".Sy mqtk-help Ns (1) .\n.Bl -tag -width Ds\n",
	                  err);
	for (size_t i = 0; commands[i]; i++) {
		mq_buf_append_str(buf, ".It Cm", err);
		append_argument(buf, commands[i]->name, err);
		mq_buf_append_char(buf, '\n', err);
		append_sentence(buf, commands[i]->summary, err);
	}
	mq_buf_append_str(buf, ".El\n", err);
	append_topic(buf, "OPTIONS", "options", err);
	append_set(buf,
	           &(const struct mq_option_set){.title = "Every command", .rows = mq_common_rows},
	           err);
	append_topic(buf, "ADDRESSES", "addresses", err);
	append_topic(buf, "FORMATS", "formats", err);
	append_topic(buf, "CONFIGURATION", "configuration", err);
	append_topic(buf, "ENVIRONMENT", "environment", err);
	append_topic(buf, "EXIT STATUS", "exit-codes", err);
	append_examples(buf, overview_examples, err);
	return err->code == MQ_OK ? 0 : -1;
}

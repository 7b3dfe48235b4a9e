/*
 * Help on the terminal, from the rows of commands, options, backends and topics.
 *
 * An error filled by one append stays: the appends below need no test of their own each, done() at
 * the end sees it.
 */
#include "mqtk/help.h"
#include "mqtk/backend.h"
#include "opt/rows.h"
#include "opt/text.h"

#include <stdio.h>
#include <strings.h>

static int done(const struct mq_err *err)
{
	return err->code == MQ_OK ? 0 : -1;
}

/* --- options --------------------------------------------------------------------------------- */

/* "-c, --count N", "--watch[=DUR]" */
static void option_term(const struct mq_option *row, char *ret, size_t size)
{
	const char *between = row->letter && row->name ? ", " : "";
	char letter[3] = "";

	if (row->letter)
		snprintf(letter, sizeof letter, "-%c", row->letter);
	snprintf(ret, size, "%s%s%s%s%s%s%s", row->letter ? letter : "    ", between,
	         row->name ? "--" : "", row->name ? row->name : "",
	         !row->arg      ? ""
	         : row->implied ? row->name ? "[=" : "["
	                        : " ",
	         row->arg ? row->arg : "", row->implied ? "]" : "");
}

#define TERM_SIZE 100
#define WIDEST_TERM 26

/* The widest term of all rows that is not so wide that its text goes to the next line. */
static size_t widest_term(const struct mq_command *command)
{
	const struct mq_option *row;
	char term[TERM_SIZE];
	size_t widest = 0;

	for (size_t i = 0; (row = mq_option_row(command, i)); i++) {
		option_term(row, term, sizeof term);
		size_t width = mq_text_width(term);
		if (!row->hidden && width <= WIDEST_TERM && width > widest)
			widest = width;
	}
	return widest;
}

static void help_set(const struct mq_option_set *set, size_t column, struct mq_buf *buf,
                     struct mq_err *err)
{
	char term[TERM_SIZE];

	mq_buf_printf(buf, err, "\n%s:\n", set->title);
	for (const struct mq_option *row = set->rows; !mq_option_is_end(row); row++) {
		if (row->hidden)
			continue;
		option_term(row, term, sizeof term);
		mq_text_entry(buf, term, row->help, column, err);
	}
}

/* --- commands -------------------------------------------------------------------------------- */

int mq_help_command(const struct mq_command *command, struct mq_buf *buf, struct mq_err *err)
{
	const char *operands = command->operands ? command->operands : "";
	const struct mq_option_set common = {.title = "Every command", .rows = mq_common_rows};

	mq_buf_printf(buf, err, "Usage: mqtk %s%s%s%s\n", command->name,
	              mq_option_row(command, 0) ? " [OPTION…]" : "", *operands ? " " : "",
	              operands);
	if (command->about) {
		mq_buf_append_char(buf, '\n', err);
		mq_text_paragraphs(buf, command->about, 0, err);
	}
	size_t column = widest_term(command) + 4;
	for (const struct mq_option_set *set = command->sets; set && set->rows; set++)
		help_set(set, column, buf, err);
	if (!command->raw_arguments)
		help_set(&common, column, buf, err);
	if (command->examples && command->examples->command)
		mq_buf_append_str(buf, "\nExamples:\n", err);
	for (const struct mq_example *e = command->examples; e && e->command; e++)
		mq_buf_printf(buf, err, "  %s\n      %s\n", e->command, e->does);
	if (command->topic)
		mq_buf_printf(buf, err, "\nmqtk help %s says more.\n", command->topic);
	return done(err);
}

static size_t widest_name(const struct mq_command *const *commands)
{
	size_t widest = 0;

	for (size_t i = 0; commands[i]; i++) {
		size_t width = mq_text_width(commands[i]->name);
		widest = width > widest ? width : widest;
	}
	return widest;
}

/* The commands, of one family or (NULL) all. */
static void help_commands(const struct mq_command *const *commands, const char *family,
                          struct mq_buf *buf, struct mq_err *err)
{
	size_t column = widest_name(commands) + 5;

	for (size_t i = 0; commands[i]; i++) {
		if (family && (strncmp(commands[i]->name, family, strlen(family)) != 0 ||
		               commands[i]->name[strlen(family)] != ' '))
			continue;
		mq_text_entry(buf, commands[i]->name, commands[i]->summary, column, err);
	}
}

int mq_help_short(const struct mq_command *const *commands, struct mq_buf *buf, struct mq_err *err)
{
	mq_buf_append_str(buf, "Usage: mqtk COMMAND [OPTION…] [ADDRESS…]\n\n", err);
	help_commands(commands, NULL, buf, err);
	mq_buf_append_str(buf, "\nmqtk help says more; mqtk COMMAND --help explains one command.\n",
	                  err);
	return done(err);
}

/* --- backends -------------------------------------------------------------------------------- */

static const char *version_of(const struct mq_backend *backend)
{
	return backend->missing || !backend->version ? NULL : backend->version();
}

static void help_backend_line(const struct mq_backend *backend, struct mq_buf *buf,
                              struct mq_err *err)
{
	char line[300];
	const char *version = version_of(backend);

	if (backend->missing)
		snprintf(line, sizeof line, "%s: %s", backend->title, backend->missing);
	else
		snprintf(line, sizeof line, "%s%s%s", backend->title, version ? " " : "",
		         version ? version : "");
	mq_text_entry(buf, backend->name, line, 13, err);
}

static void help_backend(const struct mq_backend *backend, struct mq_buf *buf, struct mq_err *err)
{
	const char *version = version_of(backend);
	char term[TERM_SIZE];

	mq_buf_printf(buf, err, "%s: %s\n\n  URLs     ", backend->name, backend->title);
	for (const char *const *scheme = backend->schemes; *scheme; scheme++)
		mq_buf_printf(buf, err, "%s%s:", scheme == backend->schemes ? "" : ", ", *scheme);
	mq_buf_append_char(buf, '\n', err);
	if (version)
		mq_buf_printf(buf, err, "  library  %s\n", version);
	if (backend->missing)
		mq_buf_printf(buf, err, "  missing  %s\n", backend->missing);
	if (!backend->settings || !backend->settings->name)
		return;
	mq_buf_append_str(buf,
	                  "\nSettings, as -X NAME=VALUE, behind '?' in an address, or as keys of "
	                  "a profile:\n",
	                  err);
	for (const struct mq_setting *s = backend->settings; s->name; s++) {
		snprintf(term, sizeof term, "%s=%s", s->name, s->arg ? s->arg : "");
		mq_text_entry(buf, term, s->help, 30, err);
	}
	if (backend->caps & MQ_CAP_PASS_SETTINGS)
		mq_buf_append_str(buf, "\nEvery other name goes to the client library as it is.\n",
		                  err);
}

static void help_backends(struct mq_buf *buf, struct mq_err *err)
{
	mq_buf_append_str(buf, "Backends:\n", err);
	for (size_t i = 0; mq_backends[i]; i++)
		help_backend_line(mq_backends[i], buf, err);
	mq_buf_append_str(buf, "\nmqtk help BACKEND lists the settings of one.\n", err);
}

int mq_help_version(struct mq_buf *buf, struct mq_err *err)
{
	mq_buf_append_str(buf, "mqtk " MQ_VERSION "\n", err);
	for (size_t i = 0; mq_backends[i]; i++)
		help_backend_line(mq_backends[i], buf, err);
	return done(err);
}

/* --- all ------------------------------------------------------------------------------------- */

int mq_help_overview(const struct mq_command *const *commands, struct mq_buf *buf,
                     struct mq_err *err)
{
	mq_buf_append_str(
	    buf,
	    "mqtk: message brokers from the shell\n\nUsage: mqtk COMMAND [OPTION…] [ADDRESS…]\n",
	    err);
	mq_buf_append_str(buf, "\nCommands:\n", err);
	help_commands(commands, NULL, buf, err);
	mq_buf_append_char(buf, '\n', err);
	help_backends(buf, err);
	mq_buf_append_str(buf, "\nRead on with mqtk help COMMAND (or mqtk COMMAND --help), and:\n",
	                  err);
	for (const struct mq_topic *topic = mq_topics; topic->name; topic++) {
		char term[TERM_SIZE];
		snprintf(term, sizeof term, "mqtk help %s", topic->name);
		mq_text_entry(buf, term, topic->title, 28, err);
	}
	return done(err);
}

static int help_topic(const char *name, struct mq_buf *buf, struct mq_err *err)
{
	struct mq_buf text;

	mq_buf_init(&text, buf->limit);
	int result = mq_topic_append(name, &text, err);
	if (result == 0)
		result = mq_text_paragraphs(buf, text.data, 0, err);
	mq_buf_release(&text);
	return result;
}

static int help_unknown(const struct mq_command *const *commands, const char *word,
                        struct mq_err *err)
{
	const char *words[200];
	size_t n = 0;

	for (size_t i = 0; commands[i] && n < 100; i++)
		words[n++] = commands[i]->name;
	for (const struct mq_topic *topic = mq_topics; topic->name && n < 150; topic++)
		words[n++] = topic->name;
	for (size_t i = 0; mq_backends[i] && n < 190; i++)
		words[n++] = mq_backends[i]->name;
	words[n++] = "backends";
	words[n] = NULL;
	const char *nearest = mq_nearest(word, words);
	if (nearest)
		return mq_fail(err, MQ_USAGE, "no help on '%s'; did you mean '%s'?", word, nearest);
	mq_fail(err, MQ_USAGE, "no help on '%s', expected a command, a topic or a backend", word);
	return mq_hint(err, "mqtk help lists them");
}

int mq_help_about(const struct mq_command *const *commands, size_t n, const char *const *words,
                  struct mq_buf *buf, struct mq_err *err)
{
	struct mq_err ignored = MQ_ERR_INIT;
	size_t used;
	const struct mq_command *command = mq_command_find(commands, n, words, &used, &ignored);

	if (command && used == n)
		return mq_help_command(command, buf, err);
	if (n == 2 && mq_command_is_family(commands, words[0])) {
		mq_command_find(commands, n, words, &used, err);
		return -1;
	}
	if (n != 1)
		return mq_fail(err, MQ_USAGE, "help takes one command, topic or backend, not %zu",
		               n);
	if (mq_command_is_family(commands, words[0])) {
		mq_buf_printf(buf, err, "Usage: mqtk %s COMMAND [OPTION…]\n\n", words[0]);
		help_commands(commands, words[0], buf, err);
		return done(err);
	}
	if (strcmp(words[0], "backends") == 0) {
		help_backends(buf, err);
		return done(err);
	}
	for (const struct mq_topic *topic = mq_topics; topic->name; topic++)
		if (strcmp(words[0], topic->name) == 0)
			return help_topic(topic->name, buf, err);
	for (size_t i = 0; mq_backends[i]; i++)
		if (strcasecmp(words[0], mq_backends[i]->name) == 0) {
			help_backend(mq_backends[i], buf, err);
			return done(err);
		}
	return help_unknown(commands, words[0], err);
}

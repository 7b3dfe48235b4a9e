/*
 * From the command line to a command and back to the exit code.
 *
 * Here: finding the command, defaults, parsing, the environment that commands run in, reporting.
 * Not here: anything that a command does. Nothing is opened or read before the command is known.
 */
#include "cmd/argv.h"
#include "cmd/commands.h"
#include "mqtk/help.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TEXT_LIMIT ((size_t)1 << 20)

/* --- words for people ------------------------------------------------------------------------ */

static void log_line(void *ctx, enum mq_level level, const char *text)
{
	const bool *color = ctx;
	const char *on = "";

	if (*color)
		on = level == MQ_LEVEL_WARN      ? "\033[33m"
		     : level >= MQ_LEVEL_VERBOSE ? "\033[2m"
		                                 : "";
	fprintf(stderr, "%smqtk: %s%s\n", on, text, *on ? "\033[0m" : "");
}

static void report(const struct mq_command *command, bool color, const struct mq_err *err)
{
	const char *on = color ? "\033[31m" : "";
	const char *off = color ? "\033[0m" : "";

	fprintf(stderr, "%smqtk%s%s:%s %s\n", on, command ? " " : "", command ? command->name : "",
	        off, err->message);
	if (err->hint[0])
		fprintf(stderr, "      %s\n", err->hint);
}

static bool wants_color(int choice, int fd)
{
	const char *no_color = getenv("NO_COLOR");
	const char *term = getenv("TERM");

	if (choice != MQ_COLOR_AUTO)
		return choice == MQ_COLOR_ALWAYS;
	if ((no_color && *no_color) || (term && strcmp(term, "dumb") == 0))
		return false;
	return isatty(fd);
}

/* Prints one of the texts of mqtk/help.h. */
static int print_text(int (*write)(const struct mq_command *const *, struct mq_buf *,
                                   struct mq_err *),
                      struct mq_err *err)
{
	struct mq_buf buf;

	mq_buf_init(&buf, TEXT_LIMIT);
	int code = write(mq_commands, &buf, err) < 0 ? (int)err->code : mq_print(&buf, err);
	mq_buf_release(&buf);
	return code;
}

static int print_help_about(const char *const *words, size_t n, struct mq_err *err)
{
	struct mq_buf buf;

	mq_buf_init(&buf, TEXT_LIMIT);
	int code = mq_help_about(mq_commands, n, words, &buf, err) < 0 ? (int)err->code
	                                                               : mq_print(&buf, err);
	mq_buf_release(&buf);
	return code;
}

static int version_text(const struct mq_command *const *commands, struct mq_buf *buf,
                        struct mq_err *err)
{
	(void)commands;
	return mq_help_version(buf, err);
}

static int print_command_help(const struct mq_command *command, struct mq_err *err)
{
	struct mq_buf buf;

	mq_buf_init(&buf, TEXT_LIMIT);
	int code = mq_help_command(command, &buf, err) < 0 ? (int)err->code : mq_print(&buf, err);
	mq_buf_release(&buf);
	return code;
}

/* --- setting up ------------------------------------------------------------------------------ */

/* The command's own sets and behind them the common one. Owned by the caller. */
static struct mq_option_set *sets_of(const struct mq_command *command, struct mq_err *err)
{
	size_t n = 0;

	while (command->sets && command->sets[n].rows)
		n++;
	struct mq_option_set *sets = calloc(n + 2, sizeof *sets);
	if (!sets) {
		mq_fail_memory(err);
		return NULL;
	}
	for (size_t i = 0; i < n; i++)
		sets[i] = command->sets[i];
	sets[n] = (struct mq_option_set){.title = "Every command", .rows = mq_common_rows};
	return sets;
}

static int add_settings(const struct mq_option_list *list, struct mq_settings *settings,
                        struct mq_err *err)
{
	for (size_t i = 0; i < list->n; i++) {
		const char *item = list->items[i];
		const char *equals = strchr(item, '=');
		if (!equals)
			return mq_fail(err, MQ_USAGE, "-X: '%s' is no setting, expected NAME=VALUE",
			               item);
		if (equals == item) /* what follows may be a secret */
			return mq_fail(err, MQ_USAGE, "-X: '=…' has no name, expected NAME=VALUE");
		char *name = strndup(item, (size_t)(equals - item));
		if (!name)
			return mq_fail_memory(err);
		int result = mq_settings_add(settings, name, equals + 1, "-X", err);
		free(name);
		if (result < 0)
			return -1;
	}
	return 0;
}

/* What the configuration says about colours holds where --color does not. */
static int apply_config_color(const struct mq_config *config, struct mq_common *common,
                              struct mq_err *err)
{
	const char *value = mq_settings_get(&config->globals, "color");

	if (!value || common->color != MQ_COLOR_AUTO)
		return 0;
	for (int i = 0; mq_color_choices[i]; i++)
		if (strcmp(mq_color_choices[i], value) == 0) {
			common->color = i;
			return 0;
		}
	return mq_fail(err, MQ_USAGE, "configuration: color = '%s', expected auto, always or never",
	               value);
}

static enum mq_level level_of(const struct mq_common *common)
{
	if (common->quiet)
		return MQ_LEVEL_WARN;
	return common->verbose == 0   ? MQ_LEVEL_NOTE
	       : common->verbose == 1 ? MQ_LEVEL_VERBOSE
	                              : MQ_LEVEL_DEBUG;
}

/* --- running --------------------------------------------------------------------------------- */

/* Everything that belongs to one run of a command. */
struct session {
	struct mq_invocation inv;
	struct mq_config config;
	struct mq_cancel cancel;
	bool cancel_ready;
	struct mq_env env;
	struct mq_option_set *sets;
};

static void session_release(struct session *s)
{
	if (s->cancel_ready)
		mq_cancel_release(&s->cancel);
	mq_operands_release(&s->inv.operands);
	if (s->sets)
		mq_options_release(s->sets, s->inv.values);
	if (s->inv.command->release && s->inv.values)
		s->inv.command->release(s->inv.values);
	mq_settings_release(&s->inv.settings);
	mq_config_release(&s->config);
	free(s->sets);
}

static int take_raw_arguments(int argc, char **argv, struct mq_operands *operands,
                              struct mq_err *err)
{
	operands->items = calloc((size_t)argc + 1, sizeof *operands->items);
	if (!operands->items)
		return mq_fail_memory(err);
	for (; operands->n < (size_t)argc; operands->n++)
		operands->items[operands->n] = argv[operands->n];
	return 0;
}

/* Defaults, then the command line. */
static int session_parse(struct session *s, void *values, int argc, char **argv, struct mq_err *err)
{
	const struct mq_command *command = s->inv.command;

	mq_settings_init(&s->inv.settings);
	s->sets = sets_of(command, err);
	if (!values || !s->sets)
		return mq_fail_memory(err);
	if (command->defaults)
		memcpy(values, command->defaults, command->values_size);
	s->inv.values = values;
	s->inv.common = values;
	if (command->raw_arguments)
		return take_raw_arguments(argc, argv, &s->inv.operands, err);
	if (mq_options_parse(s->sets, argc, argv, s->inv.values, &s->inv.operands, err) < 0)
		return mq_hint(err, "mqtk %s --help lists the options", command->name);
	return 0;
}

/* Configuration, settings, signals: what the command finds around it. */
static int session_set_up(struct session *s, struct mq_err *err)
{
	struct mq_invocation *inv = &s->inv;
	struct mq_common *common = inv->values;

	if (!inv->command->no_config && (mq_config_load(&s->config, err) < 0 ||
	                                 apply_config_color(&s->config, common, err) < 0))
		return -1;
	inv->config = &s->config;
	if (add_settings(&common->settings, &inv->settings, err) < 0)
		return -1;
	if (common->insecure &&
	    mq_settings_add(&inv->settings, "insecure", "true", "--insecure", err) < 0)
		return -1;
	inv->color_out = wants_color(common->color, STDOUT_FILENO);
	inv->color_err = wants_color(common->color, STDERR_FILENO);
	if (mq_cancel_init(&s->cancel, err) < 0)
		return -1;
	s->cancel_ready = true;
	s->env = (struct mq_env){.cancel = &s->cancel,
	                         .timeout_ms = (int)common->timeout_ms,
	                         .level = level_of(common),
	                         .log = log_line,
	                         .log_ctx = &inv->color_err};
	inv->env = &s->env;
	return mq_cancel_catch_signals(&s->cancel, err);
}

static int session_run(struct session *s, struct mq_err *err)
{
	int code = s->inv.command->run(&s->inv, err);

	if (code < 0)
		return err->code != MQ_OK ? -1 : MQ_INTERNAL;
	if (code != MQ_CANCELLED)
		return code;
	int signum = mq_cancel_signal(&s->cancel);
	return MQ_CANCELLED + (signum ? signum : SIGINT);
}

static int run_command(const struct mq_command *command, int argc, char **argv, bool *ret_color,
                       struct mq_err *err)
{
	struct session s = {.inv = {.command = command}};
	void *values = calloc(1, command->values_size);
	int code = session_parse(&s, values, argc, argv, err);
	const struct mq_common *common = s.inv.common;

	if (common)
		*ret_color = wants_color(common->color, STDERR_FILENO);
	if (code == 0 && common && common->help) {
		code = print_command_help(command, err);
	} else if (code == 0 && common && common->version) {
		code = print_text(version_text, err);
	} else if (code == 0 && common) {
		code = session_set_up(&s, err);
		if (code == 0)
			code = session_run(&s, err);
		*ret_color = wants_color(common->color, STDERR_FILENO);
	}
	session_release(&s);
	free(values);
	return code < 0 ? (int)err->code : code;
}

static bool called_kcat(const char *program)
{
	const char *slash = program ? strrchr(program, '/') : NULL;

	return program && strcmp(slash ? slash + 1 : program, "kcat") == 0;
}

/* Options in the place of the command. */
static int run_bare_option(const char *const *words, size_t n, struct mq_err *err)
{
	const char *option = words[0];

	if (strcmp(option, "--version") == 0 || strcmp(option, "-V") == 0)
		return print_text(version_text, err);
	if (strcmp(option, "--help") == 0 || strcmp(option, "-h") == 0)
		return n > 1 ? print_help_about(words + 1, n - 1, err)
		             : print_text(mq_help_overview, err);
	mq_fail(err, MQ_USAGE, "expected a command before %s", option);
	mq_hint(err, "options stand behind the command; mqtk help lists the commands");
	return MQ_USAGE;
}

static int print_short_help(struct mq_err *err)
{
	struct mq_buf buf;

	mq_buf_init(&buf, TEXT_LIMIT);
	if (mq_help_short(mq_commands, &buf, err) == 0)
		fwrite(buf.data, 1, buf.len, stderr);
	mq_buf_release(&buf);
	return MQ_USAGE;
}

static int dispatch(const struct mq_argv *args, const struct mq_command **ret_command,
                    bool *ret_color, struct mq_err *err)
{
	static const char *const kcat[] = {"kcat"};
	const char *const *words = (const char *const *)(args->items + 1);
	size_t n = args->n > 0 ? (size_t)args->n - 1 : 0;
	bool is_kcat = called_kcat(args->items[0]);
	size_t used;

	if (!is_kcat && n == 0)
		return print_short_help(err);
	if (!is_kcat && words[0][0] == '-')
		return run_bare_option(words, n, err);
	/* Of a family such as dlq. */
	if (!is_kcat && n == 2 && mq_command_is_family(mq_commands, words[0]) &&
	    (strcmp(words[1], "--help") == 0 || strcmp(words[1], "-h") == 0))
		return print_help_about(words, 1, err);
	*ret_command =
	    mq_command_find(mq_commands, is_kcat ? 1 : n, is_kcat ? kcat : words, &used, err);
	if (!*ret_command)
		return (int)err->code;
	if (is_kcat)
		used = 0;
	return run_command(*ret_command, (int)(n - used), args->items + 1 + used, ret_color, err);
}

/* Gives closed standard descriptors a place that fails as a closed one would, so that no file
 * opened later gets their numbers and the output. */
static void keep_standard_fds(void)
{
	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
			open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}

int main(int argc, char **argv)
{
	struct mq_err err = MQ_ERR_INIT;
	const struct mq_command *command = NULL;
	struct mq_argv args = {0};
	int code = MQ_INTERNAL;

	keep_standard_fds();
	/* A reader of stdout that goes away is seen at the write, not as a signal. */
	signal(SIGPIPE, SIG_IGN);
	bool color = wants_color(MQ_COLOR_AUTO, STDERR_FILENO);
	if (mq_argv_take(argc, argv, &args, &err) == 0)
		code = dispatch(&args, &command, &color, &err);
	if (mq_print_flush(&err) != 0 && code == 0)
		code = MQ_IO;
	if (err.code != MQ_OK)
		report(command, color, &err);
	mq_argv_release(&args);
	return code;
}

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

/* Runs the command with everything set up but its environment. */
static int run_in_env(struct mq_invocation *inv, struct mq_err *err)
{
	struct mq_cancel cancel;

	if (mq_cancel_init(&cancel, err) < 0)
		return (int)err->code;
	struct mq_env env = {.cancel = &cancel,
	                     .timeout_ms = (int)inv->common->timeout_ms,
	                     .level = level_of(inv->common),
	                     .log = log_line,
	                     .log_ctx = &inv->color_err};
	inv->env = &env;
	int code = MQ_INTERNAL;
	if (mq_cancel_catch_signals(&cancel, err) == 0)
		code = inv->command->run(inv, err);
	if (code < 0)
		code = err->code != MQ_OK ? (int)err->code : MQ_INTERNAL;
	if (code == MQ_CANCELLED) {
		int signum = mq_cancel_signal(&cancel);
		code += signum ? signum : SIGINT;
	}
	mq_cancel_release(&cancel);
	return code;
}

static int run_command(const struct mq_command *command, int argc, char **argv, bool *ret_color,
                       struct mq_err *err)
{
	struct mq_config config = {0};
	struct mq_invocation inv = {.command = command, .config = &config};
	struct mq_option_set *sets = NULL;
	struct mq_common *common = NULL;
	int code = -1;

	mq_settings_init(&inv.settings);
	inv.values = calloc(1, command->values_size);
	sets = sets_of(command, err);
	if (!inv.values || !sets) {
		mq_fail_memory(err);
		goto out;
	}
	if (command->defaults)
		memcpy(inv.values, command->defaults, command->values_size);
	common = inv.values;
	inv.common = common;
	if (command->raw_arguments) {
		inv.operands.items = calloc((size_t)argc + 1, sizeof *inv.operands.items);
		if (!inv.operands.items) {
			mq_fail_memory(err);
			goto out;
		}
		for (; inv.operands.n < (size_t)argc; inv.operands.n++)
			inv.operands.items[inv.operands.n] = argv[inv.operands.n];
	} else if (mq_options_parse(sets, argc, argv, inv.values, &inv.operands, err) < 0) {
		mq_hint(err, "mqtk %s --help lists the options", command->name);
		*ret_color = wants_color(common->color, STDERR_FILENO);
		goto out;
	}
	*ret_color = wants_color(common->color, STDERR_FILENO);
	if (common->help) {
		code = print_command_help(command, err);
		goto out;
	}
	if (common->version) {
		code = print_text(version_text, err);
		goto out;
	}
	if (!command->no_config &&
	    (mq_config_load(&config, err) < 0 || apply_config_color(&config, common, err) < 0))
		goto out;
	if (add_settings(&common->settings, &inv.settings, err) < 0)
		goto out;
	inv.color_out = wants_color(common->color, STDOUT_FILENO);
	*ret_color = wants_color(common->color, STDERR_FILENO);
	inv.color_err = *ret_color;
	code = run_in_env(&inv, err);
out:
	if (code < 0)
		code = (int)err->code;
	mq_operands_release(&inv.operands);
	if (sets)
		mq_options_release(sets, inv.values);
	mq_settings_release(&inv.settings);
	mq_config_release(&config);
	free(sets);
	free(inv.values);
	return code;
}

static bool called_kcat(const char *program)
{
	const char *slash = program ? strrchr(program, '/') : NULL;

	return program && strcmp(slash ? slash + 1 : program, "kcat") == 0;
}

/* Options in the place of the command. */
static int run_bare_option(const char *option, struct mq_err *err)
{
	if (strcmp(option, "--version") == 0 || strcmp(option, "-V") == 0)
		return print_text(version_text, err);
	if (strcmp(option, "--help") == 0 || strcmp(option, "-h") == 0)
		return print_text(mq_help_overview, err);
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
		return run_bare_option(words[0], err);
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

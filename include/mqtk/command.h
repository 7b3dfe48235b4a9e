/*
 * The command: a const descriptor per subcommand, one file each in cmd/, one line each in
 * cmd/commands.c. Only commands print and choose exit codes.
 */
#ifndef MQTK_COMMAND_H
#define MQTK_COMMAND_H

#include "mqtk/config.h"
#include "mqtk/env.h"
#include "mqtk/option.h"

/* The options every command has; the first member of each command's values. */
struct mq_common {
	int64_t timeout_ms;             /* --timeout */
	bool quiet;                     /* -q */
	int verbose;                    /* -v, repeatable */
	struct mq_option_list settings; /* -X name=value */
	int color;                      /* enum mq_color */
	bool insecure;                  /* --insecure */
	bool help;
	bool version;
};

struct mq_example {
	const char *command; /* as typed, beginning with mqtk */
	const char *does;    /* one line */
};

/* What main() hands to a command. */
struct mq_invocation {
	const struct mq_command *command;
	const struct mq_config *config;
	const struct mq_env *env;       /* cancel, log and time-out are set up */
	const struct mq_common *common; /* also the first member of values */
	struct mq_settings settings;    /* the -X settings, parsed */
	struct mq_operands operands;
	void *values;              /* the command's own struct */
	bool color_out, color_err; /* after --color, NO_COLOR and isatty */
};

struct mq_command {
	const char *name;     /* one word, or two of a family: "dlq ls" */
	const char *summary;  /* one line, lower-case start, no full stop */
	const char *operands; /* "ADDR [FILE…]" */
	const char *about;    /* paragraphs for help and man page, separated by blank lines */
	const struct mq_example *examples; /* ended by a row without command */
	const char *topic; /* of mq_topics: a section of its man page, named by its help; or NULL */
	const struct mq_option_set *sets; /* the common set is added by main */
	size_t values_size;
	const void *defaults; /* values_size bytes copied before parsing; NULL: zeroes */
	bool writes;          /* changes something on a broker; refused on read-only profiles */
	/* Gets argv as operands, unparsed, and has no common options (kcat). sets are still what
	 * help, man page and completions show. */
	bool raw_arguments;
	bool no_config; /* runs without reading the configuration (help) */
	enum mq_complete operand_complete;
	/* Returns the exit code. On failure fills err: main prints it. A code with err unset prints
	 * nothing. */
	int (*run)(struct mq_invocation *invocation, struct mq_err *err);
	/* Frees what custom options have put into the values; called in any case, also when the
	 * command line was refused half-way. NULL: they own nothing. */
	void (*release)(void *values);
};

/* All commands in the order of `mqtk help`; ended by NULL. */
extern const struct mq_command *const mq_commands[];

/* Values of --color. */
enum mq_color { MQ_COLOR_AUTO, MQ_COLOR_ALWAYS, MQ_COLOR_NEVER };
extern const char *const mq_color_choices[];

/* Defaults and rows of the common set. */
extern const struct mq_option mq_common_rows[];
#define MQ_COMMON_INIT                                                                             \
	{                                                                                          \
		.timeout_ms = 10000                                                                \
	}

#endif

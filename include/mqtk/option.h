/*
 * Options as rows of a table: one row gives the parser, --help, the man page and the completions.
 *
 * A command has several sets of rows (its own, and shared ones such as those of all readers), each
 * writing into its part of the command's one struct of values. Fields keep what the command put
 * there before parsing (its defaults) when an option is not given.
 *
 * Syntax: --name VALUE, --name=VALUE, -nVALUE, -n VALUE, bundled letters, --no-name for flags, "--"
 * ends the options, options and operands mix. A value that may be left out (`implied`) is given as
 * --name=VALUE or -nVALUE; the word behind such an option is its value only when that is a duration
 * and reads as one.
 * Unambiguous prefixes of choices are accepted, of option names are not. An unknown option, a bad
 * value or two options that exclude each other are MQ_USAGE, in one line that names the option and
 * what was expected.
 */
#ifndef MQTK_OPTION_H
#define MQTK_OPTION_H

#include "mqtk/error.h"
#include "mqtk/position.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum mq_option_type {
	MQ_OPT_FLAG,     /* bool; --no-NAME sets false */
	MQ_OPT_COUNT,    /* int; each occurrence adds one (-vv) */
	MQ_OPT_STRING,   /* const char *; borrowed from argv */
	MQ_OPT_INT,      /* int64_t within [min, max] */
	MQ_OPT_DURATION, /* int64_t ms within [min, max] */
	MQ_OPT_SIZE,     /* int64_t bytes within [min, max] */
	MQ_OPT_CHOICE,   /* int: index into choices */
	MQ_OPT_LIST,     /* struct mq_option_list; repeatable */
	MQ_OPT_POSITION, /* struct mq_pos */
	MQ_OPT_CUSTOM,   /* custom(field, value, err): for what no other type can say */
};

/* A repeatable option's values, borrowed from argv; the array is owned (mq_option_list_release). */
struct mq_option_list {
	const char **items;
	size_t n;
};
void mq_option_list_release(struct mq_option_list *list);

/* What a shell may complete the value with. */
enum mq_complete {
	MQ_COMPLETE_NONE,
	MQ_COMPLETE_FILE,
	MQ_COMPLETE_ADDRESS, /* schemes and profiles; streams are not looked up */
	MQ_COMPLETE_SETTING, /* the names of all backends */
	MQ_COMPLETE_TOPIC,   /* what `mqtk help` knows */
};

struct mq_option {
	const char *name; /* long name without dashes, or NULL for a letter alone */
	char letter;      /* or 0 */
	enum mq_option_type type;
	const char *arg;            /* the value's name in help: N, FILE, DUR …; NULL for flags */
	const char *help;           /* one line, lower-case start, no full stop */
	const char *more;           /* further sentences for the man page, or NULL */
	const char *const *choices; /* NULL-terminated, for MQ_OPT_CHOICE */
	/* What counts as the value when none is given, as it would be typed; NULL: a value is
	 * needed. Not for flags. */
	const char *implied;
	int64_t min, max;     /* for numbers; both 0: none, max below min: no maximum */
	size_t field;         /* offsetof the value in the set's struct */
	const char *excludes; /* space-separated names (or letters) of options that contradict it */
	/* value is NULL when the row has no arg. */
	int (*custom)(void *field, const char *value, struct mq_err *err);
	enum mq_complete complete;
	bool hidden; /* understood, but not shown in the short help */
};

/* Rows with the place of their struct within the command's values. */
struct mq_option_set {
	const char *title;            /* "Reading", "Producing" … */
	const struct mq_option *rows; /* ended by a row with neither name nor letter */
	size_t base;                  /* offsetof the set's struct within the command's values */
};

struct mq_operands {
	const char **items; /* borrowed from argv; the array is owned */
	size_t n;
};

/* Parses argv[0..argc) (without the command's name) into values. sets is ended by a set without
 * rows. */
int mq_options_parse(const struct mq_option_set *sets, int argc, char *const *argv, void *values,
                     struct mq_operands *ret_operands, struct mq_err *err);
void mq_operands_release(struct mq_operands *operands);
/* Frees the lists among values. */
void mq_options_release(const struct mq_option_set *sets, void *values);

/* The nearest of the candidates (NULL-terminated) by edit distance, or NULL when none is near. */
const char *mq_nearest(const char *word, const char *const *candidates);

#endif

/*
 * The option parser: argv against rows, values written by type. See mqtk/option.h.
 *
 * Here is the grammar of the command line and the order of checks; reading one value is in
 * value.c, suggestions are in nearest.c, finding the command in find.c.
 */
#include "opt/rows.h"
#include "opt/value.h"

#include <stdlib.h>
#include <string.h>

/* One row in use: where its field is, and how it was given. */
struct entry {
	const struct mq_option *row;
	char *field;
	bool given; /* at least once, and not taken back by --no-NAME */
	bool long_form;
};

struct parser {
	struct entry *entries;
	size_t n_entries;
	int argc;
	char *const *argv;
	int at; /* the next argument */
	int64_t now_ms;
	struct mq_operands operands;
	struct mq_err *err;
};

/* The rows in use; owned by the caller. */
static struct entry *collect_entries(const struct mq_option_set *sets, void *values, size_t *ret_n,
                                     struct mq_err *err)
{
	size_t n = 0;

	for (const struct mq_option_set *set = sets; set->rows; set++)
		for (const struct mq_option *row = set->rows; !mq_option_is_end(row); row++)
			n++;
	struct entry *entries = calloc(n + 1, sizeof *entries);
	if (!entries) {
		mq_fail_memory(err);
		return NULL;
	}
	*ret_n = 0;
	for (const struct mq_option_set *set = sets; set->rows; set++)
		for (const struct mq_option *row = set->rows; !mq_option_is_end(row); row++)
			entries[(*ret_n)++] = (struct entry){
			    .row = row, .field = (char *)values + set->base + row->field};
	return entries;
}

static struct entry *find_name(struct parser *p, const char *name, size_t len)
{
	for (size_t i = 0; i < p->n_entries; i++) {
		const char *own = p->entries[i].row->name;
		if (own && strlen(own) == len && memcmp(own, name, len) == 0)
			return &p->entries[i];
	}
	return NULL;
}

static struct entry *find_letter(struct parser *p, char letter)
{
	for (size_t i = 0; i < p->n_entries; i++)
		if (p->entries[i].row->letter == letter)
			return &p->entries[i];
	return NULL;
}

static int unknown_long(struct parser *p, const char *name, size_t len)
{
	const char *nearest = NULL;
	const char **names = calloc(p->n_entries + 1, sizeof *names);
	char *word = strndup(name, len);

	if (!names || !word) {
		mq_fail_memory(p->err);
		goto out;
	}
	size_t n = 0;
	for (size_t i = 0; i < p->n_entries; i++)
		if (p->entries[i].row->name)
			names[n++] = p->entries[i].row->name;
	nearest = mq_nearest(word, names);
	if (nearest)
		mq_fail(p->err, MQ_USAGE, "unknown option --%s; did you mean --%s?", word, nearest);
	else
		mq_fail(p->err, MQ_USAGE, "unknown option --%s", word);
out:
	free(word);
	free(names);
	return -1;
}

/* Fetches the value of an option that stands in the next argument. */
static const char *next_value(struct parser *p, const struct entry *entry, const char *label)
{
	const struct mq_option *row = entry->row;

	if (p->at >= p->argc) {
		mq_fail(p->err, MQ_USAGE, "%s needs a value: %s %s", label, label,
		        row->arg ? row->arg : "VALUE");
		return NULL;
	}
	const char *value = p->argv[p->at];
	/* Values may begin with '-' (-o -10), but one that is itself an option of this command
	 * is a forgotten value. */
	if (strncmp(value, "--", 2) == 0 && value[2]) {
		size_t len = strcspn(value + 2, "=");
		if (find_name(p, value + 2, len)) {
			mq_fail(p->err, MQ_USAGE, "%s needs a value, but the option %.*s follows",
			        label, (int)(len + 2), value);
			if (row->name)
				mq_hint(p->err, "if that is the value, write --%s=%s", row->name,
				        value);
			return NULL;
		}
	}
	p->at++;
	return value;
}

/* The value of an option that can do without: the word behind it when it can be nothing else, or
 * the one that is implied. */
static const char *value_or_implied(struct parser *p, const struct mq_option *row)
{
	int64_t duration;
	struct mq_err no_duration = {0};

	if (row->type == MQ_OPT_DURATION && p->at < p->argc &&
	    mq_duration_parse(p->argv[p->at], &duration, &no_duration) == 0)
		return p->argv[p->at++];
	return row->implied;
}

static int apply(struct parser *p, struct entry *entry, bool long_form, const char *value)
{
	char label[MQ_LABEL_SIZE];

	mq_option_label(entry->row, long_form, label);
	if (!value && entry->row->implied)
		value = value_or_implied(p, entry->row);
	if (mq_option_takes_value(entry->row) && !value) {
		value = next_value(p, entry, label);
		if (!value)
			return -1;
	}
	if (mq_value_set(entry->row, label, entry->field, value, p->now_ms, p->err) < 0)
		return -1;
	entry->given = true;
	entry->long_form = long_form;
	return 0;
}

/* --name, --name=value, --no-name; text is behind the dashes. */
static int parse_long(struct parser *p, const char *text)
{
	size_t len = strcspn(text, "=");
	const char *value = text[len] == '=' ? text + len + 1 : NULL;
	struct entry *entry = find_name(p, text, len);

	if (entry) {
		if (value && !mq_option_takes_value(entry->row))
			return mq_fail(p->err, MQ_USAGE, "--%.*s takes no value, but has '%s'",
			               (int)len, text, value);
		return apply(p, entry, true, value);
	}
	if (len > 3 && strncmp(text, "no-", 3) == 0) {
		entry = find_name(p, text + 3, len - 3);
		if (entry && entry->row->type == MQ_OPT_FLAG && !value) {
			*(bool *)(void *)entry->field = false;
			entry->given = false;
			return 0;
		}
		if (entry && entry->row->type == MQ_OPT_FLAG)
			return mq_fail(p->err, MQ_USAGE, "--%.*s takes no value, but has '%s'",
			               (int)len, text, value);
		if (entry)
			return mq_fail(p->err, MQ_USAGE,
			               "--%.*s: only switches can be turned off, --%s is none",
			               (int)len, text, entry->row->name);
	}
	return unknown_long(p, text, len);
}

/* -a, -abc, -nVALUE; text is behind the dash. */
static int parse_short(struct parser *p, const char *text)
{
	for (const char *c = text; *c; c++) {
		struct entry *entry = find_letter(p, *c);
		if (!entry) {
			if (c == text && find_name(p, text, strlen(text)))
				return mq_fail(p->err, MQ_USAGE,
				               "unknown option -%c in -%s; did you mean --%s?", *c,
				               text, text);
			if (c == text)
				mq_fail(p->err, MQ_USAGE, "unknown option -%c", *c);
			else
				mq_fail(p->err, MQ_USAGE, "unknown option -%c in -%s", *c, text);
			if (*c >= '0' && *c <= '9')
				mq_hint(p->err, "what begins with '-' but is no option goes behind "
				                "'--'");
			return -1;
		}
		if (mq_option_takes_value(entry->row))
			return apply(p, entry, false, c[1] ? c + 1 : NULL);
		if (apply(p, entry, false, NULL) < 0)
			return -1;
	}
	return 0;
}

/* Looks for a given option that this one excludes. names are separated by spaces. */
static int check_excludes(struct parser *p, const struct entry *entry)
{
	const char *name = entry->row->excludes;

	while (name && *name) {
		size_t len = strcspn(name, " ");
		const struct entry *other = find_name(p, name, len);
		if (!other && len == 1)
			other = find_letter(p, *name);
		if (other && other != entry && other->given) {
			char a[MQ_LABEL_SIZE], b[MQ_LABEL_SIZE];
			mq_option_label(entry->row, entry->long_form, a);
			mq_option_label(other->row, other->long_form, b);
			return mq_fail(p->err, MQ_USAGE,
			               "%s and %s exclude each other: give one of them", a, b);
		}
		name += len;
		name += strspn(name, " ");
	}
	return 0;
}

static int parse_all(struct parser *p)
{
	bool only_operands = false;

	while (p->at < p->argc) {
		const char *arg = p->argv[p->at++];
		if (only_operands || arg[0] != '-' || !arg[1]) {
			p->operands.items[p->operands.n++] = arg;
		} else if (strcmp(arg, "--") == 0) {
			only_operands = true;
		} else if (arg[1] == '-') {
			if (parse_long(p, arg + 2) < 0)
				return -1;
		} else if (parse_short(p, arg + 1) < 0) {
			return -1;
		}
	}
	for (size_t i = 0; i < p->n_entries; i++)
		if (p->entries[i].given && check_excludes(p, &p->entries[i]) < 0)
			return -1;
	return 0;
}

int mq_options_parse(const struct mq_option_set *sets, int argc, char *const *argv, void *values,
                     struct mq_operands *ret_operands, struct mq_err *err)
{
	struct parser p = {.argc = argc, .argv = argv, .now_ms = mq_now_ms(), .err = err};
	const char **items = calloc((size_t)argc + 1, sizeof *items);
	struct entry *entries = collect_entries(sets, values, &p.n_entries, err);
	int result = -1;

	*ret_operands = (struct mq_operands){0};
	if (!items || !entries) {
		mq_fail_memory(err);
		goto out;
	}
	p.entries = entries;
	p.operands.items = items;
	if (parse_all(&p) < 0)
		goto out;
	*ret_operands = p.operands;
	items = NULL;
	result = 0;
out:
	free(items);
	free(entries);
	return result;
}

void mq_operands_release(struct mq_operands *operands)
{
	if (!operands)
		return;
	free(operands->items);
	*operands = (struct mq_operands){0};
}

void mq_option_list_release(struct mq_option_list *list)
{
	if (!list)
		return;
	free(list->items);
	*list = (struct mq_option_list){0};
}

void mq_options_release(const struct mq_option_set *sets, void *values)
{
	if (!values)
		return;
	for (const struct mq_option_set *set = sets; set->rows; set++)
		for (const struct mq_option *row = set->rows; !mq_option_is_end(row); row++)
			if (row->type == MQ_OPT_LIST)
				mq_option_list_release(
				    (void *)((char *)values + set->base + row->field));
}

/* mqtk schema ls: the subjects of a registry. */
#include "cmd/commands.h"
#include "cmd/schema/registries.h"
#include "mqtk/report.h"

#include <stdlib.h>

#define REPORT_LIMIT ((size_t)1 << 30)

enum ls_format { LS_TABLE, LS_JSON, LS_CSV };

struct ls_values {
	struct mq_common common;
	struct registries_options registry;
	int format;
	bool json, deleted;
};

static const struct ls_values defaults = {.common = MQ_COMMON_INIT};

#define FIELD(name) offsetof(struct ls_values, name)

static const char *const formats[] = {"table", "json", "csv", NULL};

static const struct mq_option rows[] = {
    {.name = "deleted",
     .type = MQ_OPT_FLAG,
     .help = "also subjects that were deleted, but not permanently",
     .field = FIELD(deleted)},
    {.name = "format",
     .type = MQ_OPT_CHOICE,
     .arg = "FORMAT",
     .choices = formats,
     .help = "how the report is written: table, json or csv",
     .field = FIELD(format)},
    {.name = "json",
     .letter = 'J',
     .type = MQ_OPT_FLAG,
     .help = "JSON lines; the same as --format json",
     .excludes = "format",
     .field = FIELD(json)},
    {0}};

static const struct mq_option_set sets[] = {
    {"Registry", registries_rows, FIELD(registry)}, {"Report", rows, 0}, {0}};

static const struct mq_example examples[] = {
    {"mqtk schema ls --registry http://localhost:8081", "every subject"},
    {"mqtk schema ls orders", "those that begin with orders, in $MQTK_REGISTRY"},
    {"mqtk schema ls -J | jq -r 'select(.type == \"AVRO\").subject'", "those of one kind"},
    {0}};

/* Names in the registry's order. */
struct names {
	char **items;
	size_t n, cap;
	struct mq_err *err;
};

static int add_name(void *ctx, const char *subject)
{
	struct names *names = ctx;

	if (names->n == names->cap) {
		size_t cap = names->cap ? names->cap * 2 : 64;
		char **items = realloc(names->items, cap * sizeof *items);
		if (!items)
			return mq_fail_memory(names->err);
		names->items = items;
		names->cap = cap;
	}
	names->items[names->n] = strdup(subject);
	return names->items[names->n++] ? 0 : mq_fail_memory(names->err);
}

static void names_release(struct names *names)
{
	for (size_t i = 0; i < names->n; i++)
		free(names->items[i]);
	free(names->items);
}

static bool names_have(const struct names *names, const char *name)
{
	for (size_t i = 0; i < names->n; i++)
		if (strcmp(names->items[i], name) == 0)
			return true;
	return false;
}

/* The report while it is written. */
struct listing {
	struct mq_registry *registry;
	enum ls_format format;
	struct mq_table table;
	struct mq_buf buf;
	struct mq_err *err;
};

struct versions {
	int64_t n, last;
};

static int count_version(void *ctx, int32_t version)
{
	struct versions *versions = ctx;

	versions->n++;
	versions->last = version > versions->last ? version : versions->last;
	return 0;
}

static int write_subject(struct listing *listing, const char *subject, bool deleted,
                         const struct versions *versions, const struct mq_registered *latest)
{
	int64_t id = latest ? latest->id : -1;
	const char *type = latest ? latest->type : NULL;

	if (listing->format == LS_JSON) {
		struct mq_json json;
		mq_json_init(&json, &listing->buf, listing->err);
		mq_json_open(&json, NULL, '{');
		mq_json_text(&json, "subject", subject);
		mq_json_int(&json, "versions", versions->n);
		mq_json_known(&json, "latest", versions->last, 0);
		mq_json_known(&json, "id", id, -1);
		mq_json_text(&json, "type", type);
		mq_json_bool(&json, "deleted", deleted);
		mq_json_close(&json, '}');
		return mq_json_end(&json);
	}
	if (listing->format == LS_CSV) {
		struct mq_csv csv;
		mq_csv_init(&csv, &listing->buf, listing->err);
		mq_csv_text(&csv, subject);
		mq_csv_known(&csv, versions->n, -1);
		mq_csv_known(&csv, versions->last, 0);
		mq_csv_known(&csv, id, -1);
		mq_csv_text(&csv, type);
		mq_csv_text(&csv, deleted ? "true" : "false");
		return mq_csv_end(&csv);
	}
	mq_table_text(&listing->table, subject);
	mq_table_known(&listing->table, versions->n, -1);
	mq_table_known(&listing->table, versions->last, 0);
	mq_table_known(&listing->table, id, -1);
	mq_table_text(&listing->table, type);
	mq_table_text(&listing->table, deleted ? "deleted" : "");
	return listing->table.failed ? -1 : 0;
}

/* One that has gone since the list was made is left out. */
static int list_subject(struct listing *listing, const char *subject, bool deleted)
{
	const struct mq_registered *latest = NULL;
	struct versions versions = {0};

	if (mq_registry_versions(listing->registry, subject, deleted, count_version, &versions,
	                         listing->err) < 0 ||
	    (!deleted &&
	     mq_registry_by_version(listing->registry, subject, 0, &latest, listing->err) < 0)) {
		if (listing->err->code != MQ_NOT_FOUND)
			return -1;
		mq_err_clear(listing->err);
		return 0;
	}
	return write_subject(listing, subject, deleted, &versions, latest);
}

static int list_all(struct mq_invocation *invocation, struct listing *listing, struct mq_err *err)
{
	const struct ls_values *values = invocation->values;
	const char *prefix = invocation->operands.n ? invocation->operands.items[0] : NULL;
	struct names there = {.err = err}, all = {.err = err};
	int result = -1;

	if (mq_registry_subjects(listing->registry, prefix, false, add_name, &there, err) < 0 ||
	    (values->deleted &&
	     mq_registry_subjects(listing->registry, prefix, true, add_name, &all, err) < 0))
		goto out;
	for (size_t i = 0; i < there.n; i++)
		if (list_subject(listing, there.items[i], false) < 0)
			goto out;
	for (size_t i = 0; i < all.n; i++)
		if (!names_have(&there, all.items[i]) &&
		    list_subject(listing, all.items[i], true) < 0)
			goto out;
	if (there.n + all.n == 0)
		mq_log(invocation->env, MQ_LEVEL_NOTE, "no subject%s%s",
		       prefix ? " begins with " : " is there", prefix ? prefix : "");
	result = 0;
out:
	names_release(&there);
	names_release(&all);
	return result;
}

static int run(struct mq_invocation *invocation, struct mq_err *err)
{
	static const char *const headings[] = {"SUBJECT", ">VERSIONS", ">LATEST", ">ID",
	                                       "TYPE",    "NOTE",      NULL};
	const struct ls_values *values = invocation->values;
	struct listing listing = {.format = values->json ? LS_JSON : (enum ls_format)values->format,
	                          .err = err};

	if (invocation->operands.n > 1)
		return mq_fail(err, MQ_USAGE, "one prefix is expected, but there is a second: %s",
		               invocation->operands.items[1]);
	if (registries_open_alone(invocation, values->registry.url, NULL, &listing.registry, err) <
	    0)
		return -1;
	mq_buf_init(&listing.buf, REPORT_LIMIT);
	mq_table_init(&listing.table, headings, err);
	int result = 0;
	if (listing.format == LS_CSV)
		result = mq_buf_append_str(&listing.buf,
		                           "subject,versions,latest,id,type,deleted\r\n", err);
	if (result == 0)
		result = list_all(invocation, &listing, err);
	if (result == 0 && listing.format == LS_TABLE)
		result = mq_table_print(&listing.table, invocation->color_out, &listing.buf);
	if (result == 0)
		mq_print(&listing.buf, err);
	mq_table_release(&listing.table);
	mq_buf_release(&listing.buf);
	mq_registry_free(listing.registry);
	return (int)err->code;
}

const struct mq_command mq_cmd_schema_ls = {
    .name = "schema ls",
    .summary = "the subjects of a schema registry",
    .operands = "[PREFIX]",
    .about = "Prints each subject (that begins with PREFIX) with the number of its versions, and "
             "number, id and type of the latest.",
    .examples = examples,
    .topic = "registry",
    .sets = sets,
    .values_size = sizeof(struct ls_values),
    .defaults = &defaults,
    .run = run,
};

/* Getting a schema: see opening.h. */
#include "cmd/schema/opening.h"
#include "cmd/schema/references.h"
#include "cmd/schema/registries.h"

#include <stdlib.h>

const char *const schema_types[] = {"auto", "json", "avro", "protobuf", NULL};

/* In the order of enum mq_schema_draft. */
static const char *const drafts[] = {"auto", "4", "6", "7", "2019-09", "2020-12", NULL};

const struct mq_option schema_source_rows[] = {
    {.name = "schema",
     .type = MQ_OPT_STRING,
     .arg = "SOURCE",
     .help = "the schema: a file, - for standard input, registry:SUBJECT[:VERSION] or id:N",
     .more =
         "A JSON Schema, an Avro schema (.avsc), a Protobuf definition (.proto) or a descriptor "
         "set. What is in a registry is asked for there; without VERSION the latest one.",
     .field = offsetof(struct schema_options, source),
     .complete = MQ_COMPLETE_FILE},
    {0}};

const struct mq_option schema_rows[] = {
    {.name = "type",
     .type = MQ_OPT_CHOICE,
     .arg = "TYPE",
     .choices = schema_types,
     .help = "what the schema is: json, avro or protobuf (auto: by its name and text)",
     .field = offsetof(struct schema_options, type)},
    {.name = "message",
     .type = MQ_OPT_STRING,
     .arg = "NAME",
     .help = "Protobuf: the full name of the message (the first of the file)",
     .field = offsetof(struct schema_options, message)},
    {.name = "draft",
     .type = MQ_OPT_CHOICE,
     .arg = "DRAFT",
     .choices = drafts,
     .help = "JSON Schema without $schema: 4, 6, 7, 2019-09 or 2020-12 (auto: 2020-12)",
     .field = offsetof(struct schema_options, draft)},
    {.name = "assert-format",
     .type = MQ_OPT_FLAG,
     .help = "JSON Schema: check format, also in drafts where it is only a note",
     .field = offsetof(struct schema_options, assert_format)},
    {.name = "remote-dir",
     .type = MQ_OPT_LIST,
     .arg = "URLPREFIX=DIR",
     .help = "schemas whose URI begins with URLPREFIX are files in DIR; repeatable",
     .more = "The longest prefix that fits is taken. Nothing outside of DIR is read.",
     .field = offsetof(struct schema_options, remote_dirs)},
    {.name = "allow-remote",
     .type = MQ_OPT_FLAG,
     .help = "fetch what a schema refers to over http and https",
     .more = "Without it nothing is ever fetched: references are found beside the schema's file "
             "and by --remote-dir.",
     .field = offsetof(struct schema_options, allow_remote)},
    {.name = "registry",
     .type = MQ_OPT_STRING,
     .arg = "URL[,URL…]",
     .help = "the schema registry ($MQTK_REGISTRY, or registry = URL in the profile)",
     .more = "Several URLs are separated by commas and tried in turn. mqtk help registry has the "
             "settings.",
     .field = offsetof(struct schema_options, registry)},
    {0}};

enum mq_schema_kind schema_type_kind(int type)
{
	return type == 0 ? MQ_SCHEMA_UNKNOWN : mq_schema_kind_named(schema_types[type]);
}

/* As mq_schema_new, with messages that name the source. */
static int compile(const struct mq_schema_spec *spec, struct mq_schema **ret, struct mq_err *err)
{
	struct mq_err why = MQ_ERR_INIT;

	if (mq_schema_new(spec, ret, &why) == 0)
		return 0;
	if (strstr(why.message, spec->name))
		mq_fail(err, why.code, "%s", why.message);
	else
		mq_fail(err, why.code, "%s: %s", spec->name, why.message);
	return why.hint[0] ? mq_hint(err, "%s", why.hint) : -1;
}

static int open_file(const struct mq_invocation *invocation, const struct schema_options *options,
                     const char *path, struct schema_opened *opened, struct mq_err *err)
{
	bool standard = strcmp(path, "-") == 0;
	struct references references;
	struct mq_buf text;
	int result = -1;

	mq_buf_init(&text, SCHEMA_TEXT_MAX);
	opened->name = strdup(standard ? "standard input" : path);
	if (references_init(&references, invocation, options, standard ? NULL : path, err) < 0)
		goto out;
	if (!opened->name) {
		mq_fail_memory(err);
		goto out;
	}
	int found = references_read_file(path, &text, err);
	if (found == 0) {
		mq_fail(err, MQ_IO, "there is no schema file %s", path);
		mq_hint(err, "--schema takes a file, registry:SUBJECT or id:N");
	}
	if (found <= 0)
		goto out;
	struct mq_schema_spec spec = {
	    .kind = schema_type_kind(options->type),
	    .name = opened->name,
	    .base = references.base,
	    .text = mq_bytes_of(text.data ? text.data : "", text.len),
	    .load = references_load,
	    .load_ctx = &references,
	    .message = options->message,
	    .draft = (enum mq_schema_draft)options->draft,
	    .assert_format = options->assert_format,
	};
	result = compile(&spec, &opened->schema, err);
out:
	references_release(&references);
	mq_buf_release(&text);
	return result;
}

/* What a registry has. Of a kind that was not asked for it is refused. */
static int open_registered(const struct mq_invocation *invocation,
                           const struct schema_options *options, const char *source,
                           struct mq_registry *registry, struct schema_opened *opened,
                           struct mq_err *err)
{
	enum mq_schema_kind kind = schema_type_kind(options->type);
	const struct mq_registered *registered = NULL;
	struct mq_err why = MQ_ERR_INIT;

	opened->name = strdup(source);
	if (!opened->name)
		return mq_fail_memory(err);
	if (!registry) {
		if (registries_need(invocation, options->registry, source, &opened->registry, err) <
		    0)
			return -1;
		registry = opened->registry;
	}
	if (registries_find(registry, source, &registered, err) < 0)
		return -1;
	if (kind != MQ_SCHEMA_UNKNOWN && registered->kind != kind)
		return mq_fail(err, MQ_USAGE, "%s is %s, and --type says %s", source,
		               registered->type, schema_types[options->type]);
	struct mq_schema_spec spec = {
	    .message = options->message,
	    .draft = (enum mq_schema_draft)options->draft,
	    .assert_format = options->assert_format,
	};
	if (mq_registry_schema(registry, registered, &spec, &opened->schema, &why) == 0) {
		opened->registered = registered;
		return 0;
	}
	mq_fail(err, why.code, "%s: %s", source, why.message);
	return why.hint[0] ? mq_hint(err, "%s", why.hint) : -1;
}

int schema_open(const struct mq_invocation *invocation, const struct schema_options *options,
                const char *source, struct schema_opened *ret_opened, struct mq_err *err)
{
	return schema_open_with(invocation, options, source, NULL, ret_opened, err);
}

int schema_open_with(const struct mq_invocation *invocation, const struct schema_options *options,
                     const char *source, struct mq_registry *registry,
                     struct schema_opened *ret_opened, struct mq_err *err)
{
	*ret_opened = (struct schema_opened){0};
	if (!source || !*source) {
		mq_fail(err, MQ_USAGE, "no schema is given");
		return mq_hint(err, "--schema FILE names it");
	}
	if (registries_has(source))
		return open_registered(invocation, options, source, registry, ret_opened, err);
	if (strncmp(source, "file:", 5) == 0)
		source += 5;
	return open_file(invocation, options, source, ret_opened, err);
}

void schema_close(struct schema_opened *opened)
{
	if (!opened->registered)
		mq_schema_free(opened->schema);
	mq_registry_free(opened->registry);
	free(opened->name);
	*opened = (struct schema_opened){0};
}

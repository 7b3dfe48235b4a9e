/* mqtk schema get: a schema from a registry, as it was registered. */
#include "cmd/commands.h"
#include "cmd/schema/registries.h"
#include "mqtk/report.h"

#include <stdio.h>
#include <stdlib.h>

#define REPORT_LIMIT ((size_t)1 << 30)

struct get_values {
	struct mq_common common;
	struct registries_options registry;
	bool json;
};

static const struct get_values defaults = {.common = MQ_COMMON_INIT};

#define FIELD(name) offsetof(struct get_values, name)

static const struct mq_option rows[] = {
    {.name = "json",
     .letter = 'J',
     .type = MQ_OPT_FLAG,
     .help = "one JSON object with id, subject, version, type, text and references",
     .field = FIELD(json)},
    {0}};

static const struct mq_option_set sets[] = {
    {"Registry", registries_rows, FIELD(registry)}, {"Report", rows, 0}, {0}};

static const struct mq_example examples[] = {
    {"mqtk schema get orders-value", "the latest version, exactly as it was registered"},
    {"mqtk schema get orders-value:3 > orders.avsc", "version 3, into a file"},
    {"mqtk schema get -J id:7", "what stands behind id 7, with its references"},
    {0}};

static int append_json(const struct mq_registered *got, struct mq_buf *buf, struct mq_err *err)
{
	struct mq_json json;
	char *text = strndup(got->text.data, got->text.len);

	if (!text)
		return mq_fail_memory(err);
	mq_json_init(&json, buf, err);
	mq_json_open(&json, NULL, '{');
	mq_json_text(&json, "subject", got->subject);
	mq_json_known(&json, "version", got->version, -1);
	mq_json_known(&json, "id", got->id, -1);
	mq_json_text(&json, "guid", got->guid);
	mq_json_text(&json, "type", got->type);
	mq_json_text(&json, "schema", text);
	mq_json_open(&json, "references", '[');
	for (size_t i = 0; i < got->n_references; i++) {
		mq_json_open(&json, NULL, '{');
		mq_json_text(&json, "name", got->references[i].name);
		mq_json_text(&json, "subject", got->references[i].subject);
		mq_json_int(&json, "version", got->references[i].version);
		mq_json_close(&json, '}');
	}
	mq_json_close(&json, ']');
	mq_json_close(&json, '}');
	free(text);
	return mq_json_end(&json);
}

/* A SUBJECT without a word before it is what people mean mostly. */
static int find(struct mq_registry *registry, const char *source, const struct mq_registered **ret,
                struct mq_err *err)
{
	char named[REGISTRIES_SUBJECT_MAX + 40];

	if (registries_has(source))
		return registries_find(registry, source, ret, err);
	if (snprintf(named, sizeof named, "registry:%s", source) >= (int)sizeof named)
		return mq_fail(err, MQ_USAGE, "the subject is longer than %d bytes",
		               REGISTRIES_SUBJECT_MAX - 1);
	return registries_find(registry, named, ret, err);
}

static int run(struct mq_invocation *invocation, struct mq_err *err)
{
	const struct get_values *values = invocation->values;
	const struct mq_registered *got = NULL;
	struct mq_registry *registry;
	struct mq_buf buf;

	if (invocation->operands.n != 1) {
		mq_fail(err, MQ_USAGE, "one schema is expected, but there are %zu names",
		        invocation->operands.n);
		return mq_hint(err, "SUBJECT, SUBJECT:VERSION or id:N; mqtk schema ls lists the "
		                    "subjects");
	}
	if (registries_open_alone(invocation, values->registry.url, NULL, &registry, err) < 0)
		return -1;
	mq_buf_init(&buf, REPORT_LIMIT);
	if (find(registry, invocation->operands.items[0], &got, err) == 0 &&
	    (values->json ? append_json(got, &buf, err)
	                  : mq_buf_append(&buf, got->text.data, got->text.len, err)) == 0)
		mq_print(&buf, err);
	if (err->code == MQ_NOT_FOUND)
		mq_hint(err, "mqtk schema ls lists the subjects");
	mq_buf_release(&buf);
	mq_registry_free(registry);
	return (int)err->code;
}

const struct mq_command mq_cmd_schema_get = {
    .name = "schema get",
    .summary = "a schema from a registry",
    .operands = "SUBJECT[:VERSION]|id:N|guid:GUID",
    .about = "Prints the text of a schema exactly as it was registered, with no line end added. "
             "Without VERSION it is the latest. A colon belongs to the subject unless a number or "
             "\"latest\" stands behind it; registry:SUBJECT is always a subject.",
    .examples = examples,
    .topic = "registry",
    .sets = sets,
    .values_size = sizeof(struct get_values),
    .defaults = &defaults,
    .run = run,
};

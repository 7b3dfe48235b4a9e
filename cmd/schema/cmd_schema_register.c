/* mqtk schema register: a new version of a subject. */
#include "cmd/commands.h"
#include "cmd/schema/references.h"
#include "cmd/schema/registries.h"
#include "mqtk/report.h"

#include <stdio.h>
#include <stdlib.h>

struct register_values {
	struct mq_common common;
	struct registries_options registry;
	int type; /* index into schema_types */
	struct mq_option_list references;
	bool dry_run, json;
};

static const struct register_values defaults = {.common = MQ_COMMON_INIT};

#define FIELD(name) offsetof(struct register_values, name)

static const struct mq_option rows[] = {
    {.name = "type",
     .type = MQ_OPT_CHOICE,
     .arg = "TYPE",
     .choices = schema_types,
     .help = "what the schema is: json, avro or protobuf (auto: by its name and text)",
     .field = FIELD(type)},
    {.name = "reference",
     .type = MQ_OPT_LIST,
     .arg = "NAME=SUBJECT:VERSION",
     .help = "what the schema refers to by NAME is a version of a subject; repeatable",
     .more = "NAME is an import path (Protobuf), the full name of a type (Avro), or a URI (JSON "
             "Schema). Without VERSION it is the latest, as it is now.",
     .field = FIELD(references)},
    {.name = "dry-run",
     .type = MQ_OPT_FLAG,
     .help = "say whether it would be taken, and register nothing",
     .field = FIELD(dry_run)},
    {.name = "json",
     .letter = 'J',
     .type = MQ_OPT_FLAG,
     .help = "the result as one JSON object",
     .field = FIELD(json)},
    {0}};

static const struct mq_option_set sets[] = {
    {"Registry", registries_rows, FIELD(registry)}, {"What", rows, 0}, {0}};

static const struct mq_example examples[] = {
    {"mqtk schema register orders-value orders.avsc", "prints subject, version and id"},
    {"mqtk schema register --dry-run orders-value orders.avsc", "would it be taken?"},
    {"mqtk schema register orders-value orders.proto --reference item.proto=items:2",
     "with what it imports"},
    {"mqtk schema get a-value | mqtk schema register b-value -", "the same under another subject"},
    {0}};

/* The schema that is to be registered, while it is put together. */
struct draft {
	struct mq_invocation *invocation;
	struct mq_registry *registry;
	struct mq_buf text;
	struct mq_registry_reference *references; /* names and subjects are owned */
	struct mq_registry_new_schema schema;
};

static void draft_release(struct draft *draft)
{
	for (size_t i = 0; i < draft->schema.n_references; i++) {
		free((char *)draft->references[i].name);
		free((char *)draft->references[i].subject);
	}
	free(draft->references);
	mq_buf_release(&draft->text);
	mq_registry_free(draft->registry);
}

/* The last '=': names may have some, subjects seldom. */
static int read_reference(struct draft *draft, const char *text, struct mq_registry_reference *ret,
                          struct mq_err *err)
{
	const struct mq_registered *latest = NULL;
	char subject[REGISTRIES_SUBJECT_MAX];
	const char *equals = strrchr(text, '=');

	if (!equals || equals == text || !equals[1]) {
		mq_fail(err, MQ_USAGE, "--reference: '%s' is none", text);
		return mq_hint(err, "NAME=SUBJECT:VERSION is expected");
	}
	if (registries_split(equals + 1, subject, sizeof subject, &ret->version, err) < 0)
		return -1;
	if (ret->version <= 0) {
		if (mq_registry_by_version(draft->registry, subject, 0, &latest, err) < 0)
			return -1;
		ret->version = latest->version;
	}
	ret->name = strndup(text, (size_t)(equals - text));
	ret->subject = strdup(subject);
	return ret->name && ret->subject ? 0 : mq_fail_memory(err);
}

static int read_references(struct draft *draft, struct mq_err *err)
{
	const struct register_values *values = draft->invocation->values;

	if (values->references.n == 0)
		return 0;
	draft->references = calloc(values->references.n, sizeof *draft->references);
	if (!draft->references)
		return mq_fail_memory(err);
	draft->schema.references = draft->references;
	for (size_t i = 0; i < values->references.n; i++)
		if (read_reference(draft, values->references.items[i],
		                   &draft->references[draft->schema.n_references++], err) < 0)
			return -1;
	return 0;
}

static int read_text(struct draft *draft, const char *path, struct mq_err *err)
{
	const struct register_values *values = draft->invocation->values;

	int found = references_read_file(path, &draft->text, err);
	if (found == 0)
		return mq_fail(err, MQ_IO, "there is no schema file %s", path);
	if (found < 0)
		return -1;
	struct mq_schema_spec spec = {
	    .kind = schema_type_kind(values->type),
	    .name = path,
	    .text = mq_bytes_of(draft->text.data ? draft->text.data : "", draft->text.len),
	};
	draft->schema.kind = spec.kind == MQ_SCHEMA_UNKNOWN ? mq_schema_guess(&spec) : spec.kind;
	draft->schema.text = spec.text;
	if (draft->schema.kind == MQ_SCHEMA_UNKNOWN)
		return mq_fail(err, MQ_DATA, "%s is empty", path);
	return 0;
}

/* --- results ---------------------------------------------------------------------------------- */

/* registered: by us, now. */
static int print_result(const struct draft *draft, const struct mq_registered *there,
                        bool registered, struct mq_err *err)
{
	const struct register_values *values = draft->invocation->values;
	struct mq_buf buf;
	int result;

	mq_buf_init(&buf, 1 << 20);
	if (values->json) {
		struct mq_json json;
		mq_json_init(&json, &buf, err);
		mq_json_open(&json, NULL, '{');
		mq_json_text(&json, "subject", draft->schema.subject);
		mq_json_known(&json, "version", there ? there->version : -1, -1);
		mq_json_known(&json, "id", there ? there->id : -1, -1);
		mq_json_bool(&json, "registered", registered);
		mq_json_close(&json, '}');
		result = mq_json_end(&json);
	} else if (there) {
		result = mq_buf_printf(&buf, err, "%s:%d id:%d\n", draft->schema.subject,
		                       (int)there->version, (int)there->id);
	} else {
		result = 0;
	}
	if (result == 0)
		result = mq_print(&buf, err);
	mq_buf_release(&buf);
	return result;
}

static int tell_reason(void *ctx, const char *reason)
{
	const struct draft *draft = ctx;

	mq_log(draft->invocation->env, MQ_LEVEL_WARN, "%s", reason);
	return 0;
}

/* Whether it would be taken: 1, 0 with every reason told, -1. A subject that is not there takes
 * anything. */
static int would_fit(struct draft *draft, struct mq_err *err)
{
	int fits =
	    mq_registry_compatible(draft->registry, &draft->schema, -1, tell_reason, draft, err);

	if (fits >= 0 || err->code != MQ_NOT_FOUND)
		return fits;
	mq_err_clear(err);
	return 1;
}

static int load_nothing(void *ctx, const char *name, struct mq_buf *buf, struct mq_err *err)
{
	bool *asked = ctx;

	(void)name;
	(void)buf;
	(void)err;
	*asked = true;
	return 0;
}

/* No registry takes what is no schema, but only registering would tell. What refers to something
 * is left to the registry, which may know what we do not. */
static int check_text(const struct draft *draft, struct mq_err *err)
{
	bool asked = false;
	const struct mq_schema_spec spec = {
	    .kind = draft->schema.kind,
	    .name = draft->invocation->operands.items[1],
	    .text = draft->schema.text,
	    .load = load_nothing,
	    .load_ctx = &asked,
	};
	struct mq_schema *schema = NULL;
	struct mq_err why = MQ_ERR_INIT;
	int result = mq_schema_new(&spec, &schema, &why);

	mq_schema_free(schema);
	if (result == 0 || why.code != MQ_DATA || asked || draft->schema.n_references > 0)
		return 0;
	return mq_fail(err, MQ_DATA, "%s would not take it: %s", draft->schema.subject,
	               why.message);
}

static int try_only(struct draft *draft, struct mq_err *err)
{
	if (check_text(draft, err) < 0)
		return -1;
	int fits = would_fit(draft, err);

	if (fits < 0)
		return -1;
	if (fits == 0)
		return mq_fail(err, MQ_NEGATIVE, "%s would not take it: it is not compatible",
		               draft->schema.subject);
	mq_log(draft->invocation->env, MQ_LEVEL_NOTE, "it would be a new version of %s",
	       draft->schema.subject);
	return print_result(draft, NULL, false, err);
}

static int add(struct draft *draft, struct mq_err *err)
{
	struct mq_registered made = {.version = -1};
	const struct mq_registered *there = NULL;
	struct mq_err ignored = MQ_ERR_INIT;

	if (mq_registry_register(draft->registry, &draft->schema, &made.id, err) < 0) {
		if (err->code == MQ_NEGATIVE)
			would_fit(draft, &ignored);
		return -1;
	}
	/* Which version it became is asked; that it is there is certain. */
	if (mq_registry_look_up(draft->registry, &draft->schema, &there, &ignored) != 1) {
		mq_log(draft->invocation->env, MQ_LEVEL_NOTE,
		       "registered with id %d; which version it is was not answered", (int)made.id);
		there = &made;
	}
	return print_result(draft, there, true, err);
}

static int work(struct draft *draft, struct mq_err *err)
{
	const struct register_values *values = draft->invocation->values;
	const struct mq_registered *there = NULL;

	if (read_text(draft, draft->invocation->operands.items[1], err) < 0 ||
	    read_references(draft, err) < 0)
		return -1;
	int known = mq_registry_look_up(draft->registry, &draft->schema, &there, err);
	if (known < 0)
		return -1;
	if (known == 0)
		return values->dry_run ? try_only(draft, err) : add(draft, err);
	mq_log(draft->invocation->env, MQ_LEVEL_NOTE, "%s has it already, as version %d",
	       draft->schema.subject, (int)there->version);
	return print_result(draft, there, false, err);
}

static int run(struct mq_invocation *invocation, struct mq_err *err)
{
	const struct register_values *values = invocation->values;
	struct draft draft = {.invocation = invocation};

	if (invocation->operands.n != 2) {
		mq_fail(err, MQ_USAGE, "a subject and a file are expected, but there are %zu names",
		        invocation->operands.n);
		return mq_hint(err, "mqtk schema register --help shows examples");
	}
	draft.schema.subject = invocation->operands.items[0];
	if (!*draft.schema.subject)
		return mq_fail(err, MQ_USAGE, "'' is no subject");
	mq_buf_init(&draft.text, SCHEMA_TEXT_MAX);
	if (registries_open_alone(invocation, values->registry.url,
	                          values->dry_run ? NULL : "registering a schema", &draft.registry,
	                          err) == 0)
		work(&draft, err);
	draft_release(&draft);
	return (int)err->code;
}

const struct mq_command mq_cmd_schema_register = {
    .name = "schema register",
    .summary = "a new version of a subject in a schema registry",
    .operands = "SUBJECT FILE",
    .about = "Registers a schema and prints SUBJECT:VERSION and id:N. What the subject has already "
             "is not "
             "registered again, which is said. When the schema is not compatible with the versions "
             "before "
             "it, by the subject's mode (mqtk schema config), each reason that the registry gives "
             "is said "
             "and the exit status is 1. The text is sent as it is; FILE is - for standard input.",
    .examples = examples,
    .topic = "registry",
    .sets = sets,
    .values_size = sizeof(struct register_values),
    .defaults = &defaults,
    .operand_complete = MQ_COMPLETE_FILE,
    .run = run,
};

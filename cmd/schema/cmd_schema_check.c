/* mqtk schema check: whether a schema may follow those before it. */
#include "cmd/commands.h"
#include "cmd/schema/compared.h"
#include "cmd/schema/opening.h"
#include "cmd/schema/registries.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct check_values {
	struct mq_common common;
	struct schema_options schema;
	int mode; /* enum compared_mode */
	bool json;
};

static const struct check_values defaults = {.common = MQ_COMMON_INIT};

#define FIELD(name) offsetof(struct check_values, name)

static const struct mq_option rows[] = {
    {.name = "mode",
     .type = MQ_OPT_CHOICE,
     .arg = "MODE",
     .choices = compared_modes,
     .help = "backward, forward or full; with -transitive, against all OLD and not the last only",
     .more = "backward: NEW reads what was written with OLD. forward: OLD reads what NEW writes. "
             "full: both. auto: the level of the first subject in a registry, else backward.",
     .field = FIELD(mode)},
    {.name = "json",
     .letter = 'J',
     .type = MQ_OPT_FLAG,
     .help = "print one JSON object",
     .field = FIELD(json)},
    {0}};

static const struct mq_option_set sets[] = {
    {"Checking", rows, 0}, {"Schema", schema_rows, FIELD(schema)}, {0}};

static const struct mq_example examples[] = {
    {"mqtk schema check order.v1.json order.json", "may consumers with the new one read old data?"},
    {"mqtk schema check --mode full-transitive order.v1.avsc order.v2.avsc order.avsc",
     "both ways, against every version there was"},
    {"mqtk schema check registry:orders-value order.avsc",
     "as the registry would, by the subject's own level"},
    {"mqtk schema check -J old.proto new.proto | jq -r '.errors[].rule'", "the rules it breaks"},
    {0}};

/* What is compared, oldest first and the new one last: names, and what they stand for. */
struct checking {
	struct mq_invocation *invocation;
	enum compared_mode mode;
	struct mq_registry *registry; /* NULL: no OLD is a subject */
	char **names;
	size_t n;
	struct schema_opened *opened;
	struct compared compared;
	struct mq_err *err;
};

static int add_name(struct checking *checking, char *name)
{
	char **more = realloc(checking->names, (checking->n + 1) * sizeof *more);

	if (!more || !name) {
		checking->names = more ? more : checking->names;
		free(name);
		return mq_fail_memory(checking->err);
	}
	checking->names = more;
	checking->names[checking->n++] = name;
	return 0;
}

/* The subject of "registry:SUBJECT"; NULL where a version stands behind it, or something else. */
static const char *subject_of(const char *source)
{
	const char *colon = strrchr(source, ':');

	if (strncmp(source, "registry:", 9) != 0)
		return NULL;
	if (colon > source + 8 &&
	    (strcmp(colon, ":latest") == 0 ||
	     (colon[1] && colon[1 + strspn(colon + 1, "0123456789")] == '\0')))
		return NULL;
	return source + 9;
}

struct naming {
	struct checking *checking;
	const char *subject;
};

static int add_version(void *ctx, int32_t version)
{
	struct naming *naming = ctx;
	char *name = NULL;

	if (asprintf(&name, "registry:%s:%" PRId32, naming->subject, version) < 0)
		name = NULL;
	return add_name(naming->checking, name);
}

/* The level of the first subject, where no mode was chosen. */
static int choose_mode(struct checking *checking, const char *subject)
{
	struct mq_buf level;

	mq_buf_init(&level, 1024);
	int found = mq_registry_level(checking->registry, subject, &level, checking->err);
	if (found >= 0) {
		struct mq_bytes name = mq_bytes_of(level.data ? level.data : "", level.len);
		checking->mode = compared_mode_of_level(name);
		if (checking->mode == COMPARED_DEFAULT)
			found = mq_fail(checking->err, MQ_DATA,
			                "the registry says that the level of %s is %.*s", subject,
			                name.len < 80 ? (int)name.len : 80, name.data);
	}
	mq_buf_release(&level);
	return found < 0 ? -1 : 0;
}

static int name_olds(struct checking *checking)
{
	const struct mq_invocation *invocation = checking->invocation;
	const struct check_values *values = invocation->values;
	const struct mq_operands *operands = &invocation->operands;

	for (size_t i = 0; i + 1 < operands->n; i++) {
		const char *source = operands->items[i], *subject = subject_of(source);
		if (!subject)
			continue;
		if (!checking->registry &&
		    registries_need(invocation, values->schema.registry, source,
		                    &checking->registry, checking->err) < 0)
			return -1;
		if (checking->mode == COMPARED_DEFAULT && choose_mode(checking, subject) < 0)
			return -1;
	}
	if (checking->mode == COMPARED_DEFAULT)
		checking->mode = COMPARED_BACKWARD;
	for (size_t i = 0; i < operands->n; i++) {
		const char *subject = i + 1 < operands->n ? subject_of(operands->items[i]) : NULL;
		struct naming naming = {checking, subject};
		if (subject && compared_is_transitive(checking->mode)
		        ? mq_registry_versions(checking->registry, subject, false, add_version,
		                               &naming, checking->err) < 0 ||
		              checking->err->code
		        : add_name(checking, strdup(operands->items[i])) < 0)
			return -1;
	}
	return 0;
}

/* A subject's latest version by its number. */
static int name_version(struct checking *checking, size_t i)
{
	const struct mq_registered *registered = checking->opened[i].registered;
	const char *subject = subject_of(checking->names[i]);
	char *name = NULL;

	if (!registered || !subject || registered->version < 0)
		return 0;
	if (asprintf(&name, "registry:%s:%" PRId32, subject, registered->version) < 0)
		return mq_fail_memory(checking->err);
	free(checking->opened[i].name);
	checking->opened[i].name = name;
	return 0;
}

static int check_all(struct checking *checking)
{
	const struct check_values *values = checking->invocation->values;
	enum compared_mode mode = checking->mode;
	size_t n = checking->n - 1, first = compared_is_transitive(mode) ? 0 : n - 1;
	struct schema_opened *opened = checking->opened;

	for (size_t i = 0; i <= n; i++)
		if (schema_open_with(checking->invocation, &values->schema, checking->names[i],
		                     checking->registry, &opened[i], checking->err) < 0 ||
		    name_version(checking, i) < 0)
			return -1;
	for (size_t i = first; i < n; i++)
		if (compared_add(&checking->compared, mode, opened[n].schema, opened[i].schema,
		                 opened[i].name, checking->err) < 0)
			return -1;
	if (first > 0 && mode != COMPARED_NONE)
		mq_log(checking->invocation->env, MQ_LEVEL_NOTE,
		       "only %s, the last one, was compared; --mode %s-transitive compares all",
		       opened[first].name, compared_mode_name(mode));
	return 0;
}

static int report(const struct checking *checking)
{
	const struct check_values *values = checking->invocation->values;
	const struct compared *compared = &checking->compared;
	const char *now = checking->opened[checking->n - 1].name;
	const char *mode = compared_mode_name(checking->mode);
	struct mq_buf buf;
	int code = MQ_IO;

	mq_buf_init(&buf, (size_t)1 << 30);
	if ((values->json ? compared_print_json(compared, checking->mode, &buf, checking->err)
	                  : compared_print_text(compared, now, &buf, checking->err)) == 0 &&
	    mq_print(&buf, checking->err) == 0) {
		code = compared->n ? MQ_NEGATIVE : MQ_OK;
		if (checking->mode == COMPARED_NONE)
			mq_log(checking->invocation->env, MQ_LEVEL_NOTE,
			       "the registry asks for no compatibility (level NONE): nothing was "
			       "compared; --mode chooses otherwise");
		else if (code == MQ_OK)
			mq_log(checking->invocation->env, MQ_LEVEL_NOTE, "%s is compatible (%s)",
			       now, mode);
		else
			mq_fail(checking->err, MQ_NEGATIVE,
			        "%s is not compatible (%s): %zu rule%s broken", now, mode,
			        compared->n, compared->n == 1 ? " is" : "s are");
	}
	mq_buf_release(&buf);
	return code;
}

static int run(struct mq_invocation *invocation, struct mq_err *err)
{
	const struct check_values *values = invocation->values;
	struct checking checking = {
	    .invocation = invocation, .mode = (enum compared_mode)values->mode, .err = err};
	int code = MQ_OK;

	if (invocation->operands.n < 2) {
		mq_fail(err, MQ_USAGE, "an old schema and the new one are expected");
		mq_hint(err, "mqtk schema check OLD NEW; the new one stands last");
		return MQ_USAGE;
	}
	if (name_olds(&checking) == 0) {
		checking.opened = calloc(checking.n, sizeof *checking.opened);
		if (!checking.opened)
			mq_fail_memory(err);
		else if (checking.n < 2)
			mq_fail(err, MQ_NOT_FOUND, "%s has no versions",
			        invocation->operands.items[0]);
		else if (check_all(&checking) == 0)
			code = report(&checking);
	}
	compared_release(&checking.compared);
	for (size_t i = 0; i < checking.n; i++) {
		if (checking.opened)
			schema_close(&checking.opened[i]);
		free(checking.names[i]);
	}
	free(checking.opened);
	free(checking.names);
	mq_registry_free(checking.registry);
	return err->code ? (int)err->code : code;
}

const struct mq_command mq_cmd_schema_check = {
    .name = "schema check",
    .summary = "whether a schema may follow those before it",
    .operands = "OLD… NEW",
    .about =
        "Compares schemas, without data and here, not at the server, by the rules of Confluent's "
        "schema "
        "registry (JSON Schema: its strict policy; Avro: the specification's schema resolution). "
        "Each broken rule is a line: the schema that reads, the place in it, the rule's name, what "
        "is wrong, and the schema that wrote and the place there.\n\n"
        "Several OLD stand in the order in which they were in use. registry:SUBJECT as OLD is the "
        "latest version of it, or all of them where the mode is transitive. Exit status 0: "
        "compatible; 1: "
        "not; 7: one of them is no schema.",
    .examples = examples,
    .sets = sets,
    .values_size = sizeof(struct check_values),
    .defaults = &defaults,
    .operand_complete = MQ_COMPLETE_FILE,
    .run = run,
};

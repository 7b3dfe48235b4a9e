/* mqtk schema check: whether a schema may follow those before it. */
#include "cmd/commands.h"
#include "cmd/schema/compared.h"
#include "cmd/schema/opening.h"

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
             "full: both. auto: backward.",
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
    {"mqtk schema check -J old.proto new.proto | jq -r '.errors[].rule'", "the rules it breaks"},
    {0}};

static int check_all(struct mq_invocation *invocation, enum compared_mode mode,
                     struct schema_opened *opened, size_t n, struct compared *compared,
                     struct mq_err *err)
{
	const struct check_values *values = invocation->values;
	size_t first = compared_is_transitive(mode) ? 0 : n - 1;
	const char *const *names = invocation->operands.items;

	if (schema_open(invocation, &values->schema, names[n], &opened[n], err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (schema_open(invocation, &values->schema, names[i], &opened[i], err) < 0 ||
		    (i >= first && compared_add(compared, mode, opened[n].schema, opened[i].schema,
		                                opened[i].name, err) < 0))
			return -1;
	if (first > 0)
		mq_log(invocation->env, MQ_LEVEL_NOTE,
		       "only %s, the last one, was compared; --mode %s-transitive compares all",
		       opened[first].name, compared_mode_name(mode));
	return 0;
}

static int report(const struct mq_invocation *invocation, enum compared_mode mode,
                  const struct compared *compared, const char *now, struct mq_err *err)
{
	const struct check_values *values = invocation->values;
	struct mq_buf buf;
	int code = MQ_IO;

	mq_buf_init(&buf, (size_t)1 << 30);
	if ((values->json ? compared_print_json(compared, mode, &buf, err)
	                  : compared_print_text(compared, now, &buf, err)) == 0 &&
	    mq_print(&buf, err) == 0) {
		code = compared->n ? MQ_NEGATIVE : MQ_OK;
		if (code == MQ_OK)
			mq_log(invocation->env, MQ_LEVEL_NOTE, "%s is compatible (%s)", now,
			       compared_mode_name(mode));
		else
			mq_fail(err, MQ_NEGATIVE, "%s is not compatible (%s): %zu rule%s broken",
			        now, compared_mode_name(mode), compared->n,
			        compared->n == 1 ? " is" : "s are");
	}
	mq_buf_release(&buf);
	return code;
}

static int run(struct mq_invocation *invocation, struct mq_err *err)
{
	const struct check_values *values = invocation->values;
	enum compared_mode mode = (enum compared_mode)values->mode;
	size_t n = invocation->operands.n;
	struct compared compared = {0};
	struct schema_opened *opened;
	int code = MQ_OK;

	if (mode == COMPARED_DEFAULT)
		mode = COMPARED_BACKWARD;
	if (n < 2) {
		mq_fail(err, MQ_USAGE, "an old schema and the new one are expected");
		mq_hint(err, "mqtk schema check OLD NEW; the new one stands last");
		return MQ_USAGE;
	}
	opened = calloc(n, sizeof *opened);
	if (!opened)
		mq_fail_memory(err);
	else if (check_all(invocation, mode, opened, n - 1, &compared, err) == 0)
		code = report(invocation, mode, &compared, opened[n - 1].name, err);
	compared_release(&compared);
	for (size_t i = 0; opened && i < n; i++)
		schema_close(&opened[i]);
	free(opened);
	return err->code ? (int)err->code : code;
}

const struct mq_command mq_cmd_schema_check = {
    .name = "schema check",
    .summary = "whether a schema may follow those before it",
    .operands = "OLD… NEW",
    .about =
        "Compares schemas, without data and without a server, by the rules of Confluent's schema "
        "registry (JSON Schema: its strict policy; Avro: the specification's schema resolution). "
        "Each broken rule is a line: the schema that reads, the place in it, the rule's name, what "
        "is wrong, and the schema that wrote and the place there.\n\n"
        "Several OLD stand in the order in which they were in use. Exit status 0: compatible; 1: "
        "not; 7: one of them is no schema.",
    .examples = examples,
    .sets = sets,
    .values_size = sizeof(struct check_values),
    .defaults = &defaults,
    .operand_complete = MQ_COMPLETE_FILE,
    .run = run,
};

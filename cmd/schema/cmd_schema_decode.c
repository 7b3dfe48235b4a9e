/* mqtk schema decode: what a schema wrote as JSON texts. */
#include "cmd/commands.h"
#include "cmd/schema/transcode.h"

static const struct transcode_options defaults = {.common = MQ_COMMON_INIT};

#define FIELD(name) offsetof(struct transcode_options, name)

static const struct mq_option_set sets[] = {{"Schema", schema_source_rows, FIELD(schema)},
                                            {"How the schema is read", schema_rows, FIELD(schema)},
                                            {"Bytes", transcode_rows, 0},
                                            {"Text", decoding_form_rows, FIELD(form)},
                                            {0}};

static const struct mq_example examples[] = {
    {"mqtk schema decode orders.avro", "what is in an Avro container file, a line each"},
    {"mqtk schema decode --schema order.avsc --as raw one.bin", "one value, the whole file"},
    {"mqtk schema decode --schema order.avsc --as hex <<< 02000a", "a line of digits each"},
    {"mqtk consume -J -e prod/orders | mqtk schema decode -J --registry http://localhost:8081",
     "messages, with a value instead of their payload"},
    {0}};

static int run(struct mq_invocation *invocation, struct mq_err *err)
{
	return transcode(invocation, false, err);
}

const struct mq_command mq_cmd_schema_decode = {
    .name = "schema decode",
    .summary = "print what a schema wrote as JSON, a line each",
    .operands = "[FILE…]",
    .about = "Reads payloads and prints each as a line of JSON: by the schema that it names (an id "
             "that --registry knows), by --schema, or by that of an Avro container file, which is "
             "recognised. Payloads are lines of base64 or hexadecimal digits, the whole input with "
             "--as raw, or messages with -J. What cannot be decoded is said, the others go on, and "
             "the exit code is 7.",
    .examples = examples,
    .sets = sets,
    .values_size = sizeof(struct transcode_options),
    .defaults = &defaults,
    .operand_complete = MQ_COMPLETE_FILE,
    .run = run,
};

/* mqtk schema encode: JSON texts to what a schema makes of them. */
#include "cmd/commands.h"
#include "cmd/schema/transcode.h"

static const struct transcode_options defaults = {.common = MQ_COMMON_INIT};

#define SCHEMA offsetof(struct transcode_options, schema)

static const struct mq_option_set sets[] = {{"Schema", schema_source_rows, SCHEMA},
                                            {"How the schema is read", schema_rows, SCHEMA},
                                            {"Bytes", transcode_rows, 0},
                                            {0}};

static const struct mq_example examples[] = {
    {"mqtk schema encode --schema order.avsc orders.jsonl", "a line of base64 for each JSON line"},
    {"mqtk schema encode --schema order.avsc --framing container orders.jsonl > orders.avro",
     "an Avro container file of all of them"},
    {"mqtk schema encode --schema order.proto --as raw one.json > one.bin",
     "one value, its bytes as they are"},
    {0}};

static int run(struct mq_invocation *invocation, struct mq_err *err)
{
	return transcode(invocation, true, err);
}

const struct mq_command mq_cmd_schema_encode = {
    .name = "schema encode",
    .summary = "make of JSON texts what a schema says: Avro, Protobuf, framed JSON",
    .operands = "[FILE…]",
    .about = "Reads JSON, a value in each line, and writes the bytes that a payload of a message "
             "would have: as base64 or hexadecimal digits in a line each, or as one Avro container "
             "file. With --as raw the whole input is one value and its bytes are written as they "
             "are. A line that does not fit the schema is said, the others go on, and the exit "
             "code is 7.",
    .examples = examples,
    .sets = sets,
    .values_size = sizeof(struct transcode_options),
    .defaults = &defaults,
    .operand_complete = MQ_COMPLETE_FILE,
    .run = run,
};

/*
 * mqtk produce: send records and wait for every confirmation. The options and their meaning; the
 * work is done in producing.c.
 */
#include "cmd/commands.h"
#include "cmd/producing.h"
#include "cmd/reading.h"
#include "cmd/record_headers.h"
#include "cmd/schema/judging.h"

#include "mqtk/format.h"
#include "mqtk/position.h"

#include <stdlib.h>
#include <string.h>

struct produce_values {
	struct mq_common common;
	bool json;
	const char *delimiter;
	const char *key_delimiter;
	bool null;
	bool lines;
	bool tee;
	const char *key;
	struct mq_option_list headers;
	int64_t partition;
	int64_t ts_ms;
	int64_t rate;
	const char *failed_to;
	int compression;
	bool create;
	bool transactional;
	struct mq_properties properties;
	int64_t priority;
	const char *message_id, *correlation_id, *content_type, *reply_to;
	struct encoding_options encoding;
	struct schema_options schema;
};

static const struct produce_values defaults = {
    .common = MQ_COMMON_INIT,
    .partition = MQ_NO_PARTITION,
    .ts_ms = MQ_NO_TIME,
    .compression = -1,
    .priority = -1,
    .properties = MQ_PROPERTIES_INIT,
};

static int parse_ts(void *field, const char *value, struct mq_err *err)
{
	return mq_time_parse(value, mq_now_ms(), field, err);
}

static const char *const compressions[] = {"none", "gzip", "snappy", "lz4", "zstd", NULL};

static const struct mq_option record_rows[] = {
    {.name = "json",
     .letter = 'J',
     .type = MQ_OPT_FLAG,
     .help = "input is JSON lines as consume -J prints them",
     .more = "Key, headers, payload, timestamp and properties are taken from each line; the "
             "partition too where the target has it. kcat's own -J lines are understood as well.",
     .field = offsetof(struct produce_values, json),
     .excludes = "delimiter key-delimiter null"},
    {.name = "delimiter",
     .letter = 'D',
     .type = MQ_OPT_STRING,
     .arg = "BYTES",
     .help = "what ends each record (\\n); escapes as in C, such as \\x00",
     .field = offsetof(struct produce_values, delimiter)},
    {.name = "key-delimiter",
     .letter = 'K',
     .type = MQ_OPT_STRING,
     .arg = "BYTES",
     .help = "the first BYTES of a record stand between its key and its payload",
     .field = offsetof(struct produce_values, key_delimiter)},
    {.name = "null",
     .letter = 'Z',
     .type = MQ_OPT_FLAG,
     .help = "with -K, an empty key or payload is null (a tombstone)",
     .field = offsetof(struct produce_values, null)},
    {.name = "lines",
     .letter = 'l',
     .type = MQ_OPT_FLAG,
     .help = "files hold a record per line; else each file is one message",
     .field = offsetof(struct produce_values, lines)},
    {.name = "tee",
     .letter = 'T',
     .type = MQ_OPT_FLAG,
     .help = "print what is sent to standard output",
     .field = offsetof(struct produce_values, tee)},
    {0}};

static const struct mq_option message_rows[] = {
    {.name = "key",
     .letter = 'k',
     .type = MQ_OPT_STRING,
     .arg = "KEY",
     .help = "key of the records that have none",
     .field = offsetof(struct produce_values, key)},
    {.name = "header",
     .letter = 'H',
     .type = MQ_OPT_LIST,
     .arg = "NAME[=VALUE]",
     .help = "add a header; NAME alone is null, NAME= is empty; repeatable",
     .field = offsetof(struct produce_values, headers)},
    {.name = "partition",
     .letter = 'p',
     .type = MQ_OPT_INT,
     .arg = "N",
     .help = "partition; -1: by key",
     .min = -1,
     .max = INT32_MAX,
     .field = offsetof(struct produce_values, partition)},
    {.name = "ts",
     .type = MQ_OPT_CUSTOM,
     .arg = "TIME",
     .help = "timestamp: ISO 8601 or epoch in seconds or ms (now)",
     .field = offsetof(struct produce_values, ts_ms),
     .custom = parse_ts},
    {.name = "message-id",
     .type = MQ_OPT_STRING,
     .arg = "ID",
     .help = "message id",
     .field = offsetof(struct produce_values, message_id)},
    {.name = "correlation-id",
     .type = MQ_OPT_STRING,
     .arg = "ID",
     .help = "correlation id",
     .field = offsetof(struct produce_values, correlation_id)},
    {.name = "content-type",
     .type = MQ_OPT_STRING,
     .arg = "TYPE",
     .help = "content type, such as application/json",
     .field = offsetof(struct produce_values, content_type)},
    {.name = "reply-to",
     .type = MQ_OPT_STRING,
     .arg = "STREAM",
     .help = "where an answer is expected",
     .field = offsetof(struct produce_values, reply_to)},
    {.name = "expiry",
     .type = MQ_OPT_DURATION,
     .arg = "DUR",
     .help = "the message is worthless after so long",
     .max = INT64_MAX,
     .field = offsetof(struct produce_values, properties.expiry_ms)},
    {.name = "priority",
     .type = MQ_OPT_INT,
     .arg = "N",
     .help = "priority, 0 to 255",
     .max = 255,
     .field = offsetof(struct produce_values, priority)},
    {0}};

static const struct mq_option sending_rows[] = {
    {.name = "failed-to",
     .type = MQ_OPT_STRING,
     .arg = "FILE",
     .help = "append the records that failed to FILE, as -J lines",
     .more = "mqtk produce -J FILE sends them again.",
     .field = offsetof(struct produce_values, failed_to),
     .complete = MQ_COMPLETE_FILE},
    {.name = "rate",
     .type = MQ_OPT_INT,
     .arg = "N",
     .help = "at most N records per second",
     .min = 1,
     .max = 1000000000,
     .field = offsetof(struct produce_values, rate)},
    {.name = "compression",
     .letter = 'z',
     .type = MQ_OPT_CHOICE,
     .arg = "CODEC",
     .choices = compressions,
     .help = "none, gzip, snappy, lz4 or zstd",
     .field = offsetof(struct produce_values, compression)},
    {.name = "create",
     .type = MQ_OPT_FLAG,
     .help = "make the stream if it is missing",
     .field = offsetof(struct produce_values, create)},
    {.name = "transactional",
     .type = MQ_OPT_FLAG,
     .help = "all records or none: commit at the end, abort on any failure or signal",
     .field = offsetof(struct produce_values, transactional)},
    {0}};

static const struct mq_option_set sets[] = {
    {"Records", record_rows, 0},
    {"Messages", message_rows, 0},
    {"Sending", sending_rows, 0},
    {"Encoding", encoding_rows, offsetof(struct produce_values, encoding)},
    {"Schema", schema_source_rows, offsetof(struct produce_values, schema)},
    {"How schemas are read", schema_rows, offsetof(struct produce_values, schema)},
    {0}};

static const struct mq_example examples[] = {
    {"echo hello | mqtk produce local/greetings", "one message to the local store"},
    {"mqtk produce -K: kafka://localhost:9092/orders < orders.txt", "KEY:PAYLOAD lines"},
    {"mqtk produce -J prod/orders orders.jsonl", "JSON lines, as consume -J prints them"},
    {"mqtk produce prod/images a.png b.png", "each file is one message"},
    {"mqtk produce -D '\\x00' local/names", "records that end in NUL, as find -print0 prints"},
    {"mqtk produce --encode avro --registry http://localhost:8081 prod/orders < orders.jsonl",
     "JSON texts by the latest schema of orders-value"},
    {"mqtk produce --avro-file orders.avro --encode avro --framing single-object local/orders",
     "what is in an Avro container file, a message each"},
    {"mqtk produce --failed-to failed.jsonl prod/orders < orders.txt",
     "keep what could not be sent"},
    {"mqtk produce --schema order.json --failed-to invalid.jsonl prod/orders < orders.jsonl",
     "nothing that is no order is sent"},
    {0}};

/* A delimiter with escapes into buf; it must not be empty. */
static int read_delimiter(const char *option, const char *text, struct mq_buf *buf,
                          struct mq_err *err)
{
	if (option_bytes(option, text, buf, err) < 0)
		return -1;
	if (buf->len == 0)
		return mq_fail(err, MQ_USAGE, "%s: at least one byte is expected", option);
	return 0;
}

/* The judge of the records, where a schema is given; NULL: none is. */
static int open_judge(struct judging *judging, const struct mq_invocation *invocation,
                      struct judge **ret_judge, struct mq_err *err)
{
	const struct produce_values *values = invocation->values;
	struct decoding_choices choices;
	struct judging_spec spec = {.options = &values->schema, .framing = -1, .most = 1};

	if (decoding_choose("--encode", &values->encoding.encode, &values->encoding.framing, NULL,
	                    &choices, err) < 0)
		return -1;
	/* What is encoded by a schema is valid by it. */
	if (!values->schema.source || choices.value.wanted)
		return 0;
	*ret_judge = &judging->judge;
	return judging_open(judging, invocation, &spec, err);
}

static int run(struct mq_invocation *invocation, struct mq_err *err)
{
	const struct produce_values *values = invocation->values;
	struct judging judging = {0};
	struct mq_buf delimiter, key_delimiter;
	struct mq_header *headers = NULL;
	int code = MQ_USAGE;

	mq_buf_init(&delimiter, 1 << 16);
	mq_buf_init(&key_delimiter, 1 << 16);
	struct producing job = {
	    .invocation = invocation,
	    .input = {.kind = values->json ? MQ_INPUT_JSON : MQ_INPUT_DELIMITED,
	              .empty_is_null = values->null},
	    .files_are = values->json || values->lines ? PRODUCING_FILE_OF_RECORDS
	                                               : PRODUCING_FILE_IS_MESSAGE,
	    .key = mq_bytes_str(values->key),
	    .n_headers = values->headers.n,
	    .properties = values->properties,
	    .ts_ms = values->ts_ms,
	    .partition = (int32_t)values->partition,
	    .rate = (double)values->rate,
	    .failed_to = values->failed_to,
	    .compression = values->compression >= 0 ? compressions[values->compression] : NULL,
	    .create = values->create,
	    .transactional = values->transactional,
	    .tee = values->tee,
	    .encoding = &values->encoding,
	    .schema = &values->schema,
	};
	if (invocation->operands.n == 0) {
		mq_fail(err, MQ_USAGE, "no address given");
		mq_hint(err, "mqtk produce --help shows examples");
		goto out;
	}
	if (values->null && !values->key_delimiter) {
		mq_fail(err, MQ_USAGE, "-Z needs -K: empty records are skipped otherwise");
		goto out;
	}
	if (read_delimiter("-D", values->delimiter ? values->delimiter : "\n", &delimiter, err) < 0)
		goto out;
	job.input.delimiter = mq_bytes_of(delimiter.data, delimiter.len);
	if (values->key_delimiter) {
		if (read_delimiter("-K", values->key_delimiter, &key_delimiter, err) < 0)
			goto out;
		job.input.key_delimiter = mq_bytes_of(key_delimiter.data, key_delimiter.len);
	}
	headers = record_headers_parse(&values->headers, err);
	if (!headers)
		goto out;
	job.headers = headers;
	job.properties.message_id = mq_bytes_str(values->message_id);
	job.properties.correlation_id = mq_bytes_str(values->correlation_id);
	job.properties.content_type = mq_bytes_str(values->content_type);
	job.properties.reply_to = mq_bytes_str(values->reply_to);
	job.properties.priority = (int)values->priority;
	job.has_properties = values->message_id || values->correlation_id || values->content_type ||
	                     values->reply_to || values->priority >= 0 ||
	                     values->properties.expiry_ms >= 0;
	if (open_judge(&judging, invocation, &job.judge, err) < 0)
		goto out;
	job.address = invocation->operands.items[0];
	job.files = invocation->operands.items + 1;
	job.n_files = invocation->operands.n - 1;
	if (values->encoding.avro_files.n > 0) {
		if (job.n_files > 0) {
			mq_fail(err, MQ_USAGE, "'%s': with --avro-file there are no other files",
			        job.files[0]);
			goto out;
		}
		job.avro_files = true;
		job.files = values->encoding.avro_files.items;
		job.n_files = values->encoding.avro_files.n;
	}
	code = producing_run(&job, err);
out:
	judging_close(&judging);
	free(headers);
	mq_buf_release(&delimiter);
	mq_buf_release(&key_delimiter);
	return err->code ? (int)err->code : code;
}

const struct mq_command mq_cmd_produce = {
    .name = "produce",
    .summary = "send records; exit 0 only if every one was confirmed",
    .operands = "ADDR [FILE…]",
    .about =
        "Sends records from standard input, a line each unless told otherwise, as they "
        "arrive; or the named files, each as one message. Waits for every confirmation. An "
        "empty record is skipped, a last one without its delimiter is sent.\n\n"
        "A record that fails does not stop the others: it is said, counted, kept by "
        "--failed-to, and the exit code is 3. With --schema a record that is not valid is such "
        "a failure, and never sent; its payload is judged as it would be sent.",
    .examples = examples,
    .sets = sets,
    .values_size = sizeof(struct produce_values),
    .defaults = &defaults,
    .writes = true,
    .operand_complete = MQ_COMPLETE_ADDRESS,
    .run = run,
};

/* JSON texts and bytes: see transcode.h. */
#include "cmd/schema/transcode.h"
#include "cmd/schema/registries.h"

#include "mqtk/avro_file.h"
#include "mqtk/format.h"
#include "mqtk/input.h"
#include "mqtk/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { FULL = 64 * 1024 };

static const char *const as_choices[] = {"base64", "hex", "raw", NULL};

const struct mq_option transcode_rows[] = {
    {.name = "as",
     .type = MQ_OPT_CHOICE,
     .arg = "FORM",
     .choices = as_choices,
     .help = "how bytes stand in text: base64, hex (a line each), or raw (all is one)",
     .field = offsetof(struct transcode_options, as),
     .excludes = "json"},
    {.name = "json",
     .letter = 'J',
     .type = MQ_OPT_FLAG,
     .help = "lines are messages as consume -J prints them: their payload and value",
     .field = offsetof(struct transcode_options, json)},
    {.name = "framing",
     .type = MQ_OPT_CHOICE,
     .arg = "HOW",
     .choices = mq_framing_names,
     .help = "how bytes name their schema: none, confluent, single-object, container",
     .more = "container: one Avro container file holds all of them. auto: to read, what is "
             "recognised; to write, confluent with a schema from a registry, else none.",
     .field = offsetof(struct transcode_options, framing)},
    {0}};

struct run {
	const struct mq_invocation *invocation;
	const struct transcode_options *options;
	bool encode;
	struct mq_registry *registry;
	struct schema_opened schema, reader;
	struct mq_codec *codec;
	struct mq_format *format; /* -J */
	struct mq_avro_writer *container;
	struct mq_output out;
	struct mq_buf bytes, text;
	int64_t records, bad;
	char hint[sizeof((struct mq_err *)0)->hint]; /* that was said with the last bad one */
};

static int open_container(struct run *run, struct mq_err *err)
{
	struct mq_buf text;

	mq_buf_init(&text, SIZE_MAX / 2);
	struct mq_avro_write_spec spec = {
	    .fd = STDOUT_FILENO, .name = "standard output", .cancel = run->invocation->env->cancel};
	int result = mq_avro_schema_text(run->schema.schema, &text, err);
	spec.schema = mq_bytes_of(text.data, text.len);
	if (result == 0)
		result = mq_avro_writer_new(&spec, &run->container, err);
	mq_buf_release(&text);
	return result;
}

static int open_all(struct run *run, struct mq_err *err)
{
	const struct transcode_options *options = run->options;
	const struct schema_options *schema = &options->schema;
	struct schema_options avro = *schema;
	struct mq_format_spec format = {.kind = MQ_FORMAT_JSON};
	struct mq_codec_spec spec = {.kind = schema_type_kind(schema->type),
	                             .framing = (enum mq_framing)options->framing,
	                             .id = -1,
	                             .form = decoding_form(&options->form)};

	if (options->framing == MQ_FRAMING_GUID && !options->json) {
		mq_fail(err, MQ_USAGE, "the framing guid stands in headers, and there are none");
		return mq_hint(err, "with -J there are; produce --encode writes them");
	}
	if (run->encode && options->framing == MQ_FRAMING_GUID)
		return mq_fail(err, MQ_USAGE, "produce --encode writes the framing guid");
	if (registries_open(run->invocation, schema->registry, &run->registry, err) < 0)
		return -1;
	if ((run->encode || schema->source) &&
	    schema_open_with(run->invocation, schema, schema->source, run->registry, &run->schema,
	                     err) < 0)
		return -1;
	avro.type = 1 + MQ_SCHEMA_AVRO;
	if (options->form.reader_schema &&
	    schema_open_with(run->invocation, &avro, options->form.reader_schema, run->registry,
	                     &run->reader, err) < 0)
		return -1;
	spec.schema = run->schema.schema;
	spec.reader = run->reader.schema;
	spec.registry = run->registry ? run->registry : run->schema.registry;
	spec.id = run->schema.registered ? run->schema.registered->id : -1;
	bool file = run->encode && spec.framing == MQ_FRAMING_CONTAINER && !options->json;
	if (mq_codec_new(&spec, run->encode, &run->codec, err) < 0 ||
	    (file && open_container(run, err) < 0))
		return -1;
	return options->json ? mq_format_new(&format, &run->format, err) : 0;
}

/* --- one record ------------------------------------------------------------------------------- */

static int digit_of(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *found = c ? strchr(digits, c >= 'A' && c <= 'F' ? c + 32 : c) : NULL;

	return found ? (int)(found - digits) : -1;
}

static int decode_hex(struct mq_bytes text, struct mq_buf *buf, struct mq_err *err)
{
	for (size_t i = 0; i < text.len; i += 2) {
		int high = digit_of(text.data[i]);
		int low = i + 1 < text.len ? digit_of(text.data[i + 1]) : -1;
		if (high < 0 || low < 0)
			return mq_fail(err, MQ_DATA, "column %zu: two hexadecimal digits expected",
			               i + 1);
		if (mq_buf_append_char(buf, (char)(high << 4 | low), err) < 0)
			return -1;
	}
	return 0;
}

static int append_hex(struct mq_bytes bytes, struct mq_buf *buf, struct mq_err *err)
{
	for (size_t i = 0; i < bytes.len; i++)
		if (mq_buf_printf(buf, err, "%02x", (unsigned char)bytes.data[i]) < 0)
			return -1;
	return 0;
}

/* A line's digits as the bytes that they stand for. */
static int take_bytes(struct run *run, struct mq_bytes *bytes, struct mq_err *err)
{
	struct mq_bytes text = *bytes;
	int as = run->options->as;

	if (run->options->json || as == TRANSCODE_RAW || !text.data)
		return 0;
	while (text.len > 0 && (unsigned char)text.data[text.len - 1] <= ' ')
		text.len--;
	mq_buf_clear(&run->bytes);
	if (mq_buf_reserve(&run->bytes, 1, err) < 0 ||
	    (as == TRANSCODE_HEX ? decode_hex(text, &run->bytes, err)
	                         : mq_base64_decode(&run->bytes, text, err)) < 0)
		return -1;
	*bytes = mq_bytes_of(run->bytes.data, run->bytes.len);
	return 0;
}

static int put_bytes(struct run *run, struct mq_bytes bytes, struct mq_err *err)
{
	struct mq_buf *out = &run->out.buf;

	if (run->options->as == TRANSCODE_RAW)
		return mq_buf_append(out, bytes.data, bytes.len, err);
	if ((run->options->as == TRANSCODE_HEX ? append_hex(bytes, out, err)
	                                       : mq_base64_append(out, bytes, err)) < 0)
		return -1;
	return mq_buf_append_char(out, '\n', err);
}

static int encode_record(struct run *run, struct mq_message *message, struct mq_err *err)
{
	mq_buf_clear(&run->text);
	if (message->payload.data) {
		int result =
		    run->container
		        ? mq_schema_encode(run->schema.schema, message->payload, &run->text, err)
		        : mq_codec_encode(run->codec, message->payload, &run->text, err);
		if (result < 0)
			return -1;
		message->payload = mq_bytes_of(run->text.data ? run->text.data : "", run->text.len);
	}
	if (run->container)
		return mq_avro_writer_append(run->container, message->payload, err);
	return run->format ? mq_format_append(run->format, message, &run->out.buf, err)
	                   : put_bytes(run, message->payload, err);
}

static int decode_record(struct run *run, const struct mq_message *record, struct mq_err *err)
{
	struct mq_decoded decoded = MQ_DECODED_INIT;
	struct mq_message message = *record;

	if (take_bytes(run, &message.payload, err) < 0)
		return -1;
	mq_buf_clear(&run->text);
	int got = mq_codec_decode(run->codec, &message, &run->text, err);
	if (got < 0)
		return -1;
	if (got == 0 && message.payload.data) {
		mq_fail(err, MQ_DATA, "nothing names its schema, and it is no JSON");
		return mq_hint(err, "--schema gives the schema, --registry those that are named");
	}
	if (got > 0)
		decoded.payload = mq_bytes_of(run->text.data, run->text.len);
	decoded.payload_schema_id = mq_codec_id(run->codec);
	message.decoded = &decoded;
	if (run->format)
		return mq_format_append(run->format, &message, &run->out.buf, err);
	if (mq_buf_append(&run->out.buf, run->text.data, run->text.len, err) < 0)
		return -1;
	return mq_buf_append_char(&run->out.buf, '\n', err);
}

/* What is wrong with one record is said, and the others go on. */
static int bear(struct run *run, const char *name, int64_t line, const struct mq_err *why,
                struct mq_err *err)
{
	if (why->code != MQ_DATA) {
		*err = *why;
		return -1;
	}
	run->bad++;
	/* The next step is the same for all of a kind, and said with the first. */
	const char *hint = strcmp(run->hint, why->hint) != 0 ? why->hint : "";
	char place[32] = "";
	if (line > 0)
		snprintf(place, sizeof place, "%lld: ", (long long)line);
	mq_log(run->invocation->env, MQ_LEVEL_WARN, "%s%s%s%s%s%s", line > 0 ? name : "",
	       line > 0 ? ":" : "", place, why->message, *hint ? "; " : "", hint);
	snprintf(run->hint, sizeof run->hint, "%s", why->hint);
	return 0;
}

static int flush(struct run *run, size_t from, struct mq_err *err)
{
	return run->out.buf.len > from ? mq_output_flush(&run->out, run->invocation->env, NULL, err)
	                               : 0;
}

static int take_records(struct run *run, struct mq_input *input, const char *name,
                        struct mq_err *err)
{
	for (;;) {
		struct mq_message message = MQ_MESSAGE_INIT;
		struct mq_err why = MQ_ERR_INIT;
		int got = mq_input_next(input, &message, &why);
		if (got == 0)
			return 0;
		run->records++;
		if (got < 0) {
			if (bear(run, name, 0, &why, err) < 0)
				return -1;
			continue;
		}
		if ((run->encode ? encode_record(run, &message, &why)
		                 : decode_record(run, &message, &why)) < 0 &&
		    bear(run, name, mq_input_line(input), &why, err) < 0)
			return -1;
		if (flush(run, FULL, err) < 0)
			return -1;
	}
}

/* --- files ------------------------------------------------------------------------------------ */

static int read_container(struct run *run, int fd, const char *name, struct mq_err *err)
{
	struct mq_avro_read_spec spec = {
	    .fd = fd, .name = name, .cancel = run->invocation->env->cancel};
	struct mq_avro_reader *reader;
	struct mq_bytes datum;
	int more = 1;

	if (mq_avro_reader_new(&spec, &reader, err) < 0)
		return -1;
	while (more > 0 && (more = mq_avro_reader_next(reader, &datum, err)) > 0) {
		run->records++;
		if (mq_schema_decode(mq_avro_reader_schema(reader), run->reader.schema, datum,
		                     decoding_form(&run->options->form), &run->out.buf, err) < 0 ||
		    mq_buf_append_char(&run->out.buf, '\n', err) < 0 || flush(run, FULL, err) < 0)
			more = -1;
	}
	mq_avro_reader_free(reader);
	return more;
}

static int read_records(struct run *run, int fd, const char *name, struct mq_err *err)
{
	bool whole = run->options->as == TRANSCODE_RAW;
	struct mq_input_spec spec = {.kind = run->options->json ? MQ_INPUT_JSON
	                                     : whole            ? MQ_INPUT_WHOLE
	                                                        : MQ_INPUT_DELIMITED,
	                             .delimiter = mq_bytes_str("\n"),
	                             .keep_stream = true};
	struct mq_input *input;
	int more = 1;

	if (mq_input_new(&spec, fd, name, &input, err) < 0)
		return -1;
	while (more > 0) {
		more = mq_input_read(input, err);
		if (more >= 0 &&
		    (take_records(run, input, name, err) < 0 || flush(run, 0, err) < 0))
			more = -1;
	}
	mq_input_free(input);
	return more;
}

static int read_file(struct run *run, const char *path, struct mq_err *err)
{
	bool standard = strcmp(path, "-") == 0;
	const char *name = standard ? "standard input" : path;
	bool container = !run->encode && run->options->framing == MQ_FRAMING_CONTAINER;
	int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	char magic[4];

	if (fd < 0)
		return mq_fail_errno(err, MQ_IO, errno, "cannot read %s", path);
	/* A file can be looked at without taking anything from it. */
	if (!run->encode && run->options->framing == MQ_FRAMING_AUTO && !run->options->json &&
	    pread(fd, magic, sizeof magic, 0) == sizeof magic)
		container = memcmp(magic, "Obj\1", sizeof magic) == 0;
	int result = container && !run->options->json ? read_container(run, fd, name, err)
	                                              : read_records(run, fd, name, err);
	if (!standard)
		close(fd);
	if (flush(run, 0, err) < 0)
		result = -1;
	return result;
}

int transcode(struct mq_invocation *invocation, bool encode, struct mq_err *err)
{
	static const char *const standard[] = {"-"};
	struct run run = {
	    .invocation = invocation, .options = invocation->values, .encode = encode};
	const struct mq_operands *files = &invocation->operands;
	const char *const *paths = files->n ? files->items : standard;
	size_t n = files->n ? files->n : 1;

	mq_output_init(&run.out, STDOUT_FILENO, "standard output");
	mq_buf_init(&run.bytes, SIZE_MAX / 2);
	mq_buf_init(&run.text, SIZE_MAX / 2);
	int result = open_all(&run, err);
	for (size_t i = 0; i < n && result == 0; i++)
		result = read_file(&run, paths[i], err);
	if (result == 0 && run.container)
		result = mq_avro_writer_flush(run.container, err);
	if (result < 0 && run.out.closed)
		mq_err_clear(err);
	else if (result == 0 && run.bad > 0)
		mq_fail(err, MQ_DATA, "%lld of %lld records are not as they should be",
		        (long long)run.bad, (long long)run.records);
	mq_avro_writer_free(run.container);
	mq_format_free(run.format);
	mq_codec_free(run.codec);
	schema_close(&run.schema);
	schema_close(&run.reader);
	mq_registry_free(run.registry);
	mq_output_release(&run.out);
	mq_buf_release(&run.bytes);
	mq_buf_release(&run.text);
	return (int)err->code;
}

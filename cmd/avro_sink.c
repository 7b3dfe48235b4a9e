/* Messages into an Avro container file: see avro_sink.h. */
#include "cmd/avro_sink.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* The decoder's options: the file's schema is what payloads are read with. */
static int choose(const struct decoding_options *options, struct decoding_options *ret,
                  struct decoding_choices *choices, struct mq_err *err)
{
	*ret = *options;
	if (decoding_choose("--decode", &options->decode, &options->framing, NULL, choices, err) <
	    0)
		return -1;
	if (choices->key.wanted)
		return mq_fail(err, MQ_USAGE, "--to-avro-file: keys have no place in it");
	if (options->on_error == ON_ERROR_RAW)
		return mq_fail(err, MQ_USAGE,
		               "--to-avro-file: what cannot be decoded has no raw form in it");
	if (!options->schema.source) {
		mq_fail(err, MQ_USAGE, "--to-avro-file needs the schema of the file");
		return mq_hint(err, "--schema FILE, registry:SUBJECT or id:N names it");
	}
	if (!choices->value.wanted)
		choices->value.kind = MQ_SCHEMA_UNKNOWN;
	choices->value.wanted = true;
	if (choices->value.kind == MQ_SCHEMA_JSON || choices->value.kind == MQ_SCHEMA_PROTOBUF)
		ret->schema.source = NULL;
	else if (!ret->form.reader_schema)
		ret->form.reader_schema = ret->schema.source;
	return 0;
}

static int open_file(struct avro_sink *sink, struct mq_err *err)
{
	bool standard = strcmp(sink->path, "-") == 0;
	struct stat st;

	sink->fd =
	    standard ? dup(STDOUT_FILENO) : open(sink->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
	if (sink->fd < 0)
		return mq_fail_errno(err, MQ_IO, errno, "cannot write %s", sink->path);
	sink->regular = fstat(sink->fd, &st) == 0 && S_ISREG(st.st_mode);
	return 0;
}

int avro_sink_init(struct avro_sink *sink, const struct mq_invocation *invocation, const char *path,
                   const struct decoding_options *options, struct mq_err *err)
{
	struct decoding_options decoding;
	struct decoding_choices choices;
	struct schema_options schema = options->schema;
	struct mq_buf text;
	int result = -1;

	*sink = (struct avro_sink){.env = invocation->env,
	                           .on_error = (enum on_error)options->on_error,
	                           .fd = -1,
	                           .path = path};
	mq_buf_init(&sink->datum, SIZE_MAX / 2);
	mq_buf_init(&text, SIZE_MAX / 2);
	if (choose(options, &decoding, &choices, err) < 0 ||
	    decoder_init(&sink->decoder, invocation, &decoding, &choices, err) < 0)
		goto out;
	schema.type = 1 + MQ_SCHEMA_AVRO;
	if (schema_open_with(invocation, &schema, schema.source, sink->decoder.registry,
	                     &sink->schema, err) < 0 ||
	    mq_avro_schema_text(sink->schema.schema, &text, err) < 0 || open_file(sink, err) < 0)
		goto out;
	struct mq_avro_write_spec spec = {.fd = sink->fd,
	                                  .name = path,
	                                  .cancel = invocation->env->cancel,
	                                  .schema = mq_bytes_of(text.data, text.len)};
	result = mq_avro_writer_new(&spec, &sink->writer, err);
out:
	mq_buf_release(&text);
	return result;
}

void avro_sink_release(struct avro_sink *sink)
{
	mq_avro_writer_free(sink->writer);
	if (sink->fd >= 0)
		close(sink->fd);
	schema_close(&sink->schema);
	decoder_release(&sink->decoder);
	mq_buf_release(&sink->datum);
}

/* One message: 1, 0 when it was skipped, -1. */
static int add(struct avro_sink *sink, const struct mq_message *message, struct mq_err *err)
{
	struct mq_message decoded;
	struct mq_err why = MQ_ERR_INIT;

	if (decoder_apply(&sink->decoder, message, &decoded, err) == 0) {
		if (!message->payload.data)
			mq_fail(&why, MQ_DATA,
			        "there is no payload at all, and so nothing for the file");
		else if (!decoded.decoded->payload.data)
			mq_fail(&why, MQ_DATA, "there is nothing in it that a schema describes");
		mq_buf_clear(&sink->datum);
		if (!why.code && mq_schema_encode(sink->schema.schema, decoded.decoded->payload,
		                                  &sink->datum, &why) == 0)
			return mq_avro_writer_append(
			           sink->writer,
			           mq_bytes_of(sink->datum.data ? sink->datum.data : "",
			                       sink->datum.len),
			           err) < 0
			           ? -1
			           : 1;
		decoding_fail_at(message, "value", &why, err);
	}
	if (sink->on_error != ON_ERROR_SKIP && err->code == MQ_DATA && !err->hint[0])
		return mq_hint(err, "--on-error skip leaves it out of the file");
	if (sink->on_error != ON_ERROR_SKIP ||
	    (err->code != MQ_DATA && err->code != MQ_UNREACHABLE))
		return -1;
	sink->skipped++;
	mq_log(sink->env, MQ_LEVEL_NOTE, "skipped %s", err->message);
	mq_err_clear(err);
	return 0;
}

static int64_t accept_messages(void *ctx, const struct mq_message *messages, size_t n,
                               struct mq_err *err)
{
	struct avro_sink *sink = ctx;

	for (size_t i = 0; i < n; i++) {
		struct mq_err why = MQ_ERR_INIT;
		int added = add(sink, &messages[i], &why);
		if (added < 0 && i > 0)
			return (int64_t)i; /* these first; then this one fails again */
		if (added < 0) {
			*err = why;
			return -1;
		}
		sink->accepted += added;
	}
	return (int64_t)n;
}

static int flush_messages(void *ctx, size_t *ret_lost, struct mq_err *err)
{
	struct avro_sink *sink = ctx;

	*ret_lost = (size_t)sink->accepted;
	if (mq_avro_writer_flush(sink->writer, err) < 0)
		return -1;
	if (sink->regular && fdatasync(sink->fd) < 0)
		return mq_fail_errno(err, MQ_IO, errno, "cannot write %s", sink->path);
	*ret_lost = 0;
	sink->written += sink->accepted;
	sink->accepted = 0;
	return 0;
}

int avro_sink_finish(struct avro_sink *sink, struct mq_err *err)
{
	size_t lost;

	return flush_messages(sink, &lost, err);
}

struct mq_sink avro_sink_operations(struct avro_sink *sink)
{
	return (struct mq_sink){.accept = accept_messages, .flush = flush_messages, .ctx = sink};
}

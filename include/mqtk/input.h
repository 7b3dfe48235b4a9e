/*
 * How bytes from a file or pipe become messages: delimited records or -J lines.
 *
 * The caller waits for the descriptor itself (it has other things to wait for as well), then calls
 * mq_input_read once and mq_input_next until it returns 0. So records go out as they arrive.
 */
#ifndef MQTK_INPUT_H
#define MQTK_INPUT_H

#include "mqtk/bytes.h"
#include "mqtk/message.h"

enum mq_input_kind {
	MQ_INPUT_DELIMITED, /* records between delimiters; the last may lack it; empty ones skipped
	                     */
	MQ_INPUT_JSON,      /* -J lines, as consume -J writes them */
	MQ_INPUT_WHOLE,     /* everything up to the end is one record, even an empty one */
};

struct mq_input_spec {
	enum mq_input_kind kind;
	struct mq_bytes delimiter;     /* at least one byte */
	struct mq_bytes key_delimiter; /* absent: no key is split off; first match splits */
	bool empty_is_null; /* -Z: an empty key or payload is absent (needs key_delimiter) */
	bool keep_stream;   /* JSON: give the stream that the line names, where it came from */
	bool keep_raw;      /* JSON: mq_input_raw is wanted, which costs a copy of each line */
	size_t limit;       /* of one record, in bytes; 0: 1 GiB */
};

struct mq_input;

/* Copies spec. Does not own fd. name is for messages ("stdin", a file's path). */
int mq_input_new(const struct mq_input_spec *spec, int fd, const char *name,
                 struct mq_input **ret_input, struct mq_err *err);
void mq_input_free(struct mq_input *input);

/* One read(2) into the buffer. Returns 1 when there was something, 0 at the end, -1 with MQ_IO.
 * What mq_input_next lent before becomes invalid. EAGAIN and EINTR are 1 with nothing new. */
int mq_input_read(struct mq_input *input, struct mq_err *err);

/* Takes the next record. Returns 1 with *ret_message, 0 when more has to be read (or, after the
 * end, when there is nothing left), -1 for a record that cannot be used (MQ_DATA with file and
 * line; the record is skipped and the next call goes on behind it) or one over the limit. Lent
 * bytes and headers are valid until the next mq_input_read or mq_input_free: several records may be
 * held at once. The message's stream is absent unless asked for: where it goes is the caller's
 * choice. */
int mq_input_next(struct mq_input *input, struct mq_message *ret_message, struct mq_err *err);

/* The number of the record that was taken or refused last, from 1; for messages. */
int64_t mq_input_line(const struct mq_input *input);

/* The bytes of the record that was taken or refused last, as they stood there, without what ended
 * it; absent when it was over the limit. Valid until the next mq_input_next or mq_input_read. */
struct mq_bytes mq_input_raw(const struct mq_input *input);
/* Whether the end of the input came right behind that record, so that nothing ended it. */
bool mq_input_is_bare(const struct mq_input *input);

/* What was read but is no whole record yet; for a report at a signal. */
struct mq_bytes mq_input_rest(const struct mq_input *input);

#endif

/*
 * What schema encode and schema decode share: JSON texts on one side, what a schema makes of them
 * on the other, from files or standard input to standard output.
 *
 * Bytes have no delimiters, so on their side a record is a line of base64 or hexadecimal digits,
 * the payload of a -J line, a value of one Avro container file, or the whole input.
 */
#ifndef MQ_CMD_SCHEMA_TRANSCODE_H
#define MQ_CMD_SCHEMA_TRANSCODE_H

#include "cmd/decoding.h"
#include "cmd/schema/opening.h"
#include "mqtk/codec.h"

enum transcode_as { TRANSCODE_BASE64, TRANSCODE_HEX, TRANSCODE_RAW };

struct transcode_options {
	struct mq_common common;
	struct schema_options schema;
	int framing; /* enum mq_framing */
	int as;      /* enum transcode_as */
	bool json;
	struct decoding_form form; /* decode */
};

/* For --as and -J. */
extern const struct mq_option transcode_rows[];

/* Does it with the operands as files and returns the exit code: 7 when a record was not as it
 * should be, after the others. */
int transcode(struct mq_invocation *invocation, bool encode, struct mq_err *err);

#endif

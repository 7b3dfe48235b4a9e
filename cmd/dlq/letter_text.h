/*
 * One dead letter as text: for people, and as a line of JSON (schemas/dlq-letter.json).
 */
#ifndef MQ_CMD_DLQ_LETTER_TEXT_H
#define MQ_CMD_DLQ_LETTER_TEXT_H

#include "mqtk/dead.h"
#include "mqtk/format.h"

/* envelope: the compiled -J. Appends a line. */
int letter_json(const struct mq_format *envelope, const struct mq_message *message,
                const struct mq_dead *dead, struct mq_buf *buf, struct mq_err *err);

/* Appends a few lines: where it was and why it is here, then headers of nobody that is known, then
 * the beginning of the payload. whole: payloads and stack traces are not cut. */
int letter_lines(const struct mq_message *message, const struct mq_dead *dead, bool whole,
                 bool bold, struct mq_buf *buf, struct mq_err *err);

#endif

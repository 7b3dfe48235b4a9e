/*
 * The sink that prints: messages become text in a buffer, the buffer goes to a descriptor, and what
 * did not get out whole is known to the message.
 */
#ifndef MQ_CMD_TEXT_SINK_H
#define MQ_CMD_TEXT_SINK_H

#include "cmd/reading.h"
#include "cmd/schema/marking.h"
#include "mqtk/output.h"
#include "mqtk/pump.h"

struct text_sink {
	const struct mq_env *env;
	struct printer *printer;
	struct marking *marking; /* --schema, --reject-to; NULL: neither */
	const size_t *serving;   /* the source that messages are from; NULL: the only one */
	struct mq_output out;
	size_t *ends; /* where each message in the buffer ends */
	size_t n_ends, cap_ends;
	bool prefix;     /* the stream's name before each message */
	bool color;      /* of the prefix */
	int64_t printed; /* messages that got out whole */
	int64_t skipped; /* --on-error skip */
	bool told_away;  /* that the registry does not answer, which --on-error bears */
};

void text_sink_init(struct text_sink *sink, const struct mq_env *env, struct printer *printer);
void text_sink_release(struct text_sink *sink);

/* Appends one message as text to buf, by the printer's error policy. Returns 1, 0 when the policy
 * skipped it, or -1. */
int text_sink_render(struct text_sink *sink, const struct mq_message *message, struct mq_buf *buf,
                     struct mq_err *err);

/* The operations of a pump's sink; ctx is the text_sink. */
struct mq_sink text_sink_operations(struct text_sink *sink);

#endif

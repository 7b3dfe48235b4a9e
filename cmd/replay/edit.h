/*
 * What the copy of a message carries: its own fields, what the command line adds and removes, and
 * where it came from.
 */
#ifndef MQ_CMD_REPLAY_EDIT_H
#define MQ_CMD_REPLAY_EDIT_H

#include "cmd/replay/replay.h"

#define EDIT_SOURCE_HEADER "mqtk-replay-source"
#define EDIT_COUNT_HEADER "mqtk-replay-count"

struct edit {
	const struct replay_values *values;
	struct mq_header *added; /* of --header; owned */
	bool provenance;
	bool plain; /* headers stay as they are */
	/* The memory of a run of messages; one that is full is never moved while it is lent. */
	struct mq_header *headers;
	size_t n_headers, cap_headers;
	struct mq_properties *properties;
	size_t n_properties, cap_properties;
	char *text;
	size_t n_text, cap_text;
};

/* provenance: the headers that say where a copy came from are added. */
int edit_init(struct edit *edit, const struct replay_values *values, bool provenance,
              struct mq_err *err);
void edit_release(struct edit *edit);

/* How often the message was replayed before, as its header says. */
int64_t edit_count(const struct mq_message *message);

/* Makes room for the copies of these messages; what was lent before is invalid. */
int edit_begin(struct edit *edit, const struct mq_message *messages, size_t n, struct mq_err *err);
/* The copy of one of them; borrows from the message and from the room. Stream, partition and tag
 * are the caller's. */
void edit_copy(struct edit *edit, const struct mq_message *message, struct mq_message *ret_copy);

#endif

/*
 * Headers and properties that produce adds to records: room for the records' own ones with ours
 * behind them, which stays where it is until a batch was sent.
 */
#ifndef MQ_CMD_RECORD_HEADERS_H
#define MQ_CMD_RECORD_HEADERS_H

#include "mqtk/message.h"
#include "mqtk/option.h"

struct record_headers {
	struct mq_header *items;
	size_t n, cap;
};

/* Whether there is no room for a record's headers with n more, some times over, because those of
 * others are there: they have to be sent, and record_headers_clear called, first. */
bool record_headers_full(const struct record_headers *room, const struct mq_message *message,
                         size_t n);
/* Puts more behind the record's own; they stay borrowed. Not when it is full, as the next one. */
int record_headers_merge(struct record_headers *room, struct mq_message *message,
                         const struct mq_header *more, size_t n, struct mq_err *err);
/* Takes those of that name out of the record. */
int record_headers_drop(struct record_headers *room, struct mq_message *message, const char *name,
                        struct mq_err *err);
void record_headers_clear(struct record_headers *room);
void record_headers_release(struct record_headers *room);

/* Properties that are given win over the record's own; room is for both together, and stays the
 * message's. */
void record_properties_merge(const struct mq_properties *given, struct mq_message *message,
                             struct mq_properties *room);

/* -H NAME[=VALUE] as headers that point into the list: NAME alone is null, NAME= is empty. The
 * array is the caller's to free; NULL with err set when one has no name. */
struct mq_header *record_headers_parse(const struct mq_option_list *list, struct mq_err *err);

#endif

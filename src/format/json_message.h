/* One line of -J input as a message: the counterpart of envelope.c. */
#ifndef FORMAT_JSON_MESSAGE_H
#define FORMAT_JSON_MESSAGE_H

#include "format/arena.h"
#include "mqtk/message.h"

/* Reads the one object in text, which is written to while strings are unescaped and whose bytes the
 * message borrows; headers and properties come from the arena. Errors: MQ_DATA that names the
 * member or the column, without the line. */
int mq_json_message(char *text, size_t len, struct mq_arena *arena, struct mq_message *ret_message,
                    struct mq_err *err);

/* The same, and which members were there (enum mq_carry_member): an absent key and one that is null
 * are told apart. */
int mq_json_message_part(char *text, size_t len, struct mq_arena *arena,
                         struct mq_message *ret_message, unsigned *ret_members, struct mq_err *err);

#endif

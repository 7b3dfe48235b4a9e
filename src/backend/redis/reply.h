/*
 * Commands to the server, and its replies, which hiredis reads into memory that is given back all
 * at once.
 *
 * hiredis allocates each element of a reply; here elements come from an arena and hang in lists,
 * so that a reply of thousands of entries costs a few large blocks, and a length that a server only
 * claims costs nothing.
 */
#ifndef REDIS_REPLY_H
#define REDIS_REPLY_H

#include "mqtk/bytes.h"

#include <hiredis/hiredis.h>

/* --- memory ---------------------------------------------------------------------------------- */

struct mq_rd_block;

/* Zero-initialised. What it gave never moves. */
struct mq_rd_arena {
	struct mq_rd_block *first; /* the oldest; they are filled in order */
	struct mq_rd_block *at;    /* the one that is being filled */
	struct mq_rd_block *large; /* one for each that does not fit a usual block */
	size_t total;              /* bytes given since the last clear */
};

/* Aligned for any object; NULL when there is no memory, or more than a reply may have. */
void *mq_rd_arena_take(struct mq_rd_arena *arena, size_t size);
/* Forgets everything that was given, keeps some memory for reuse. */
void mq_rd_arena_clear(struct mq_rd_arena *arena);
void mq_rd_arena_release(struct mq_rd_arena *arena);

/* --- replies --------------------------------------------------------------------------------- */

struct mq_rd_reply {
	int type;                  /* REDIS_REPLY_… */
	int64_t integer;           /* of an integer */
	struct mq_bytes text;      /* of a string, status or error; ends in NUL behind its length */
	size_t n;                  /* elements of an array, */
	struct mq_rd_reply *first; /* which hang in a list */
	struct mq_rd_reply *last;
	struct mq_rd_reply *next;
};

/* The element at index i, or NULL. */
const struct mq_rd_reply *mq_rd_reply_at(const struct mq_rd_reply *array, size_t i);
/* The value behind a name in a flat array of names and values, or NULL. */
const struct mq_rd_reply *mq_rd_reply_member(const struct mq_rd_reply *array, const char *name);
/* The value as a whole number, also when it came as text; missing where there is none. */
int64_t mq_rd_reply_number(const struct mq_rd_reply *reply, int64_t missing);
/* True when the reply is an error that begins with this word. */
bool mq_rd_reply_is_error(const struct mq_rd_reply *reply, const char *word);
/* The text as a string, "" when it has none. */
const char *mq_rd_reply_text(const struct mq_rd_reply *reply);

/* --- commands -------------------------------------------------------------------------------- */

/* Appends a command of argc words; without lens they end in NUL. (hiredis does the same, but prints
 * each length with sprintf into memory of its own: four fifths of what an XADD cost.) */
int mq_rd_command_append(struct mq_buf *buf, size_t argc, const char *const *argv,
                         const size_t *lens, struct mq_err *err);
/* The two parts of it, for commands whose words come one after the other: how many, and each. */
int mq_rd_count_append(struct mq_buf *buf, size_t argc, struct mq_err *err);
int mq_rd_words_append(struct mq_buf *buf, size_t argc, const char *const *argv, const size_t *lens,
                       struct mq_err *err);
/* Writes the digits of a number, at most 20, and returns how many. */
size_t mq_rd_digits(uint64_t number, char *ret);

/* --- the codec ------------------------------------------------------------------------------- */

struct mq_rd_codec {
	redisReader *reader;
	struct mq_rd_arena *arena; /* where the reply at hand is built */
	bool inside;               /* a part of the reply at hand is read */
	bool too_large;            /* why it failed: the reply has more than one may hold */
};

int mq_rd_codec_init(struct mq_rd_codec *codec, struct mq_err *err);
void mq_rd_codec_release(struct mq_rd_codec *codec);
/* Hands bytes from the network to the reader. MQ_DATA when they cannot be a reply. */
int mq_rd_codec_feed(struct mq_rd_codec *codec, const char *data, size_t len, struct mq_err *err);
/* The next whole reply, built in arena (the same until it is whole). 1, 0 when more bytes are
 * needed, -1 when what came is no reply (MQ_DATA). */
int mq_rd_codec_next(struct mq_rd_codec *codec, struct mq_rd_arena *arena,
                     struct mq_rd_reply **ret_reply, struct mq_err *err);

#endif

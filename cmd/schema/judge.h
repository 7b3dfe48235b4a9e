/*
 * Judging messages by a schema: valid, or what is wrong with it, kept until the next one. Who tells
 * that, and what becomes of the message, is the caller's business.
 */
#ifndef MQ_CMD_SCHEMA_JUDGE_H
#define MQ_CMD_SCHEMA_JUDGE_H

#include "mqtk/codec.h"
#include "mqtk/report.h"

/* Places in the judge's texts: judge_text. */
struct judge_error {
	size_t pointer, keyword, error;
	size_t schema_pointer, value; /* 0: none */
};

struct judge {
	struct mq_schema *schema; /* borrowed; NULL: the one that wrote each payload */
	bool text;                /* payloads are JSON text, also where the schema's are bytes */
	struct mq_codec *codec; /* payloads name the schemas that wrote them (borrowed), or NULL */
	struct mq_buf decoded;  /* by it */
	const char *unframe;    /* the option that has framed payloads decoded first, or NULL */
	bool allow_null;        /* no payload at all is valid */
	size_t most;            /* errors that are kept of a message; at least 1 */
	struct mq_buf texts;    /* each ended by a NUL; the first is empty */
	struct judge_error *errors;
	size_t n;
	bool more;   /* than most */
	bool failed; /* no memory while one was kept */
};

int judge_init(struct judge *judge, struct mq_schema *schema, bool text, size_t most,
               struct mq_err *err);
void judge_release(struct judge *judge);

/* 1: valid; 0: what is wrong stands in errors, at least one; -1: no memory, a registry that does
 * not answer and the like. What the validator gives up on is invalid, with keyword "limit"; what
 * names no schema although it should, or one that is not there, with keyword "framing". */
int judge_message(struct judge *judge, const struct mq_message *message, struct mq_err *err);
/* The same for what this schema wrote: without a schema of its own the judge only sees whether it
 * can be decoded. */
int judge_written(struct judge *judge, struct mq_schema *writer, struct mq_bytes payload,
                  struct mq_err *err);
/* Makes one error the whole verdict: what never came so far as to be a payload. */
int judge_refuse(struct judge *judge, const char *keyword, const char *error, struct mq_err *err);

static inline const char *judge_text(const struct judge *judge, size_t place)
{
	return judge->texts.data + place;
}

/* Appends an error as words: "/total: minimum: 0 is less than 1". What could drive a terminal is
 * replaced. */
int judge_append_words(const struct judge *judge, const struct judge_error *error,
                       struct mq_buf *buf, struct mq_err *err);

/* The members pointer, schema_pointer, keyword, value and error of an open object. */
void judge_append_members(const struct judge *judge, const struct judge_error *error,
                          struct mq_json *json);

#endif

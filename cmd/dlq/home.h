/*
 * Where letters go: to one stream, or each to its own; and whether its own stream is on the broker
 * where it lies. A letter says which broker it came from, or it does not: then it counts as from
 * this one.
 */
#ifndef MQ_CMD_DLQ_HOME_H
#define MQ_CMD_DLQ_HOME_H

#include "mqtk/address.h"
#include "mqtk/bytes.h"

struct homes {
	struct mq_target here; /* where the letters are */
	bool any;              /* the user said to which broker they go: every letter fits */
	/* The last answer: most letters come from the same broker. */
	struct mq_buf asked;
	bool known, answer;
	/* The first broker that was another one, for words. */
	struct mq_buf foreign;
};

/* source: the address of the letters. */
int homes_init(struct homes *homes, const char *source, const struct mq_config *config,
               const struct mq_settings *settings, struct mq_err *err);
void homes_release(struct homes *homes);

/* True when both name the same stream of the same broker, as far as their words tell. */
bool homes_is_source(const struct homes *homes, const struct mq_target *target);

/* origin_broker: as the letter says it, without a stream; may be absent. 1, 0, or -1 when memory is
 * out. Nobody is contacted, whatever stands there. */
int homes_fits(struct homes *homes, struct mq_bytes origin_broker, struct mq_err *err);

/* Where the letters are and where they go. */
struct places {
	struct homes homes; /* unless from_file */
	bool from_file;
	bool home;                         /* each goes to a stream of its own, */
	struct mq_target to;               /* on this broker, if one was named; else the stream */
	bool onto_itself;                  /* the stream where they are is the target */
	bool named;                        /* to is filled in */
	const char *from_words, *to_words; /* without secrets; to_words NULL: each its own */
};

/* target NULL: where each came from; so it is with a broker alone, if they are put back. MQ_USAGE
 * for a file without a target. Both operands are borrowed. */
int places_find(struct places *places, const char *source, const char *target, bool back,
                const struct mq_config *config, struct mq_err *err);
void places_release(struct places *places);

#endif

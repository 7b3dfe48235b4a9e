/*
 * Finding the dead-letter streams of a broker: by the broker's own configuration, by names, by what
 * messages say of themselves, and by how often pending ones were delivered.
 */
#ifndef MQ_CMD_DLQ_FINDING_H
#define MQ_CMD_DLQ_FINDING_H

#include "cmd/opening.h"
#include "cmd/tally.h"

#include "mqtk/dead.h"

#include <regex.h>

/* How a stream was found. */
enum found_by {
	FOUND_CONFIGURATION = 1 << 0,
	FOUND_NAME = 1 << 1,
	FOUND_HEADERS = 1 << 2,
	FOUND_PENDING = 1 << 3,
};
#define FOUND_WAYS 4
extern const char *const found_by_names[FOUND_WAYS];

/* A stream of the broker, of which it is not known yet whether dead letters are in it (found_by
 * 0), or letters that are pending in a group. */
struct found {
	char *stream;                      /* owned */
	char *group;                       /* of pending letters; else NULL; owned */
	const struct mq_stream_info *info; /* NULL: the broker's list does not name it */
	unsigned by;                       /* enum found_by */
	int64_t depth;                     /* -1 unknown */
	int64_t oldest_ms, newest_ms;      /* MQ_NO_TIME unknown */
	struct tally origins;
	struct tally through;         /* the broker's words for its configuration */
	enum mq_dead_dialect dialect; /* of the newest message that says anything */
	bool seen;                    /* a message of it was looked at */
	char *error;                  /* why it could not be looked at, or NULL; owned */
	bool denied;                  /* that is a matter of rights */
};

struct finding {
	/* set by the caller */
	const struct mq_env *env;
	struct mq_conn *conn;
	int64_t max_deliveries; /* -1: pending ones are not asked for */
	const char *pattern;    /* a regular expression for names, or NULL */
	bool all;               /* the broker's internal streams too */
	bool quick;             /* no look at messages */

	/* out */
	struct found *items;
	size_t n;
	int64_t lost;          /* streams whose letters go nowhere: said as warnings */
	int64_t unreadable;    /* streams that nothing else names, and that may not be read */
	int64_t not_looked_at; /* of the same, as time was over */
	struct mq_err why;     /* of the first of unreadable */
	char *left_out;        /* what of the configuration could not be seen, or NULL */

	/* within */
	struct mq_stream_list list;
	size_t cap;
	regex_t regex;
	bool has_regex;
};

/* Finds all of them; items that were not found are out again. -1: nothing can be told. */
int finding_run(struct finding *finding, struct mq_err *err);
void finding_release(struct finding *finding);

#endif

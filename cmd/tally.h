/*
 * Counting by names: how many have this reason, that origin. Names beyond a limit are
 * counted together.
 */
#ifndef MQ_CMD_TALLY_H
#define MQ_CMD_TALLY_H

#include "mqtk/bytes.h"
#include "mqtk/report.h"

#define TALLY_MOST 10000 /* different names */

struct tally_row {
	char *name; /* owned; NULL: not told */
	size_t len;
	int64_t n;
};

struct tally {
	struct tally_row *rows;
	size_t n, cap;
	uint32_t *index; /* of rows, from 1, by the names' hashes; 0: free */
	size_t slots;
	int64_t others; /* of names beyond the limit */
};

/* Of a name with bytes that are no text those, and all beyond ASCII, are counted as \xHH. */
int tally_add(struct tally *tally, struct mq_bytes name, struct mq_err *err);
/* The largest first; the same numbers by name. The index is gone then: nothing more is added. */
void tally_sort(struct tally *tally);
/* The name as a cell, cut where it is long. */
void tally_show(struct mq_table *table, const struct tally_row *row);
/* A member: [{"name": …, "count": …}, …] */
void tally_json(struct mq_json *json, const char *name, const struct tally *tally);
void tally_release(struct tally *tally);

#endif

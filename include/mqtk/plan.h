/*
 * Plans: files that say where a group is to stand in each partition, as `group reset` prints and
 * takes them.
 *
 * Understood, also mixed: CSV whose first line names the columns (stream, partition and target are
 * looked for, others are left alone), JSON lines with these members, and CSV lines without names
 * as Kafka's own tool writes them: stream,partition,target.
 */
#ifndef MQTK_PLAN_H
#define MQTK_PLAN_H

#include "mqtk/error.h"

#include <stddef.h>
#include <stdint.h>

struct mq_plan_line {
	char *stream;
	int32_t partition; /* MQ_NO_PARTITION: none is named */
	char *target;      /* as it stands there; NULL: none, the group stays */
	int64_t line;      /* in the file, from 1 */
};

struct mq_plan_lines {
	struct mq_plan_line *items;
	size_t n;
};

/* Reads the whole text, which is written to. name is the file's, for errors (MQ_DATA with the
 * line). */
int mq_plan_parse(char *text, size_t len, const char *name, struct mq_plan_lines *ret_lines,
                  struct mq_err *err);
void mq_plan_lines_release(struct mq_plan_lines *lines);

#endif

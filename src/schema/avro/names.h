/* Names and what they stand for, found by hash: schemas come from outside, and looking through
 * their names one by one would let a long one take hours. */
#ifndef SCHEMA_AVRO_NAMES_H
#define SCHEMA_AVRO_NAMES_H

#include "mqtk/bytes.h"

struct av_names {
	struct av_name {
		struct mq_bytes name; /* borrowed; absent: a free place */
		uint32_t of;
	} * slots;
	size_t cap, n;
};

/* Starts as {0}. */
void av_names_release(struct av_names *names);
/* 1: added; 0: the name is there already; -1: no memory. */
int av_names_add(struct av_names *names, struct mq_bytes name, uint32_t of, struct mq_err *err);
/* What the name stands for, or -1. */
int64_t av_names_find(const struct av_names *names, struct mq_bytes name);

#endif

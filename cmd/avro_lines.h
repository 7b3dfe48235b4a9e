/*
 * An Avro container file as lines of JSON, for everything that reads lines: a thread reads the file
 * and writes its values into a pipe.
 */
#ifndef MQ_CMD_AVRO_LINES_H
#define MQ_CMD_AVRO_LINES_H

#include "mqtk/env.h"
#include "mqtk/error.h"
#include "mqtk/schema.h"

struct avro_lines;

/* Opens the file ("-": standard input) and begins. *ret_fd is where its lines come from, until
 * avro_lines_close. */
int avro_lines_open(const char *path, const struct mq_env *env, struct avro_lines **ret,
                    int *ret_fd, struct mq_err *err);
/* Ends it, also before all was read. -1: what was wrong with the file, from some value on. */
int avro_lines_close(struct avro_lines *lines, struct mq_err *err);

/* The schema that a file was written with, to be freed by the caller. */
int avro_lines_schema(const char *path, struct mq_schema **ret, struct mq_err *err);

#endif

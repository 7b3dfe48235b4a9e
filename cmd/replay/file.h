/*
 * A file of -J lines as the source or the target of a replay: backup and restore. It looks like a
 * backend from the outside, so that everything else of a replay knows only readers and writers.
 *
 * As a target a message is confirmed when it is on disk (fsync), which happens in flush.
 */
#ifndef MQ_CMD_REPLAY_FILE_H
#define MQ_CMD_REPLAY_FILE_H

#include "cmd/replay/replay.h"

/* Whether an operand names a file: "-", "file:…", a path that begins with '/', "./" or "../", a
 * name that ends in ".jsonl". */
bool file_is_named(const char *operand);
/* The path of such an operand: without "file:". */
const char *file_path(const char *operand);

struct file_read_spec {
	const char *path;                   /* "-": standard input */
	const struct replay_values *values; /* -p, --from and --to choose among the lines */
	int64_t skip;                       /* so many lines were done before */
};

/* MQ_USAGE for positions that a file cannot begin or end at. */
int file_reader_open(const struct file_read_spec *spec, const struct mq_env *env,
                     struct mq_reader **ret_reader, struct mq_err *err);
/* The number of the line that the message stands in, from 1. */
int64_t file_line(const struct mq_message *message);
/* Lines that are no messages: said, counted, passed over. */
int64_t file_bad_lines(const struct mq_reader *reader);

struct file_write_spec {
	const char *path; /* "-": standard output */
	bool append;      /* what the file holds stays; else it must be empty or new */
	bool resume; /* the same, but it must be there, and a last line that was cut short goes */
	bool ends;   /* append: a last line that was cut short is ended, so that it stays alone */
	void (*delivered)(void *ctx, const struct mq_delivery *delivery);
	void *ctx;
};

int file_writer_open(const struct file_write_spec *spec, const struct mq_env *env,
                     struct mq_writer **ret_writer, struct mq_err *err);
/* Whoever read standard output went away: an end, and no failure. */
bool file_writer_gone(const struct mq_writer *writer);

#endif

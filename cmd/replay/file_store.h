/* What file.c, file_reader.c and file_writer.c share. */
#ifndef MQ_CMD_REPLAY_FILE_STORE_H
#define MQ_CMD_REPLAY_FILE_STORE_H

#include "cmd/replay/file.h"

extern const struct mq_backend file_backend;

int file_fetch(struct mq_reader *reader, size_t max, int timeout_ms, struct mq_batch *ret_batch,
               struct mq_err *err);
void file_release(struct mq_reader *reader, struct mq_batch *batch);
int file_reader_fd(struct mq_reader *reader);
void file_reader_close(struct mq_reader *reader);

int64_t file_write(struct mq_writer *writer, const struct mq_message *messages, size_t n,
                   struct mq_err *err);
int64_t file_writer_poll(struct mq_writer *writer, int timeout_ms, struct mq_err *err);
int64_t file_writer_flush(struct mq_writer *writer, int timeout_ms, struct mq_err *err);
void file_writer_close(struct mq_writer *writer);

#endif

/*
 * A stream or a broker as a report, for ls, info and kcat's metadata list.
 */
#ifndef MQ_CMD_STREAM_REPORT_H
#define MQ_CMD_STREAM_REPORT_H

#include "mqtk/bytes.h"
#include "mqtk/info.h"

/* One JSON line, as schemas/stream.json says. */
int stream_report_json(const struct mq_stream_info *info, struct mq_buf *buf, struct mq_err *err);
/* Several tables for people. */
int stream_report_text(const struct mq_stream_info *info, bool bold, struct mq_buf *buf,
                       struct mq_err *err);

/* One JSON line, as schemas/broker.json says. */
int broker_report_json(const struct mq_broker_info *info, struct mq_buf *buf, struct mq_err *err);
int broker_report_text(const struct mq_broker_info *info, bool bold, struct mq_buf *buf,
                       struct mq_err *err);

#endif

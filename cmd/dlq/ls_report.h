/* The report of mqtk dlq ls, in each of its formats. */
#ifndef MQ_CMD_DLQ_LS_REPORT_H
#define MQ_CMD_DLQ_LS_REPORT_H

#include "cmd/dlq/finding.h"
#include "cmd/dlq/formats.h"

/* broker: without secrets, for Prometheus' labels. Appends to buf. */
int ls_report(const struct finding *finding, enum dlq_format format, const char *broker, bool bold,
              struct mq_buf *buf, struct mq_err *err);

#endif

/* The report of mqtk dlq stats, in each of its formats. */
#ifndef MQ_CMD_DLQ_STATS_REPORT_H
#define MQ_CMD_DLQ_STATS_REPORT_H

#include "cmd/dlq/formats.h"
#include "cmd/dlq/times.h"
#include "cmd/tally.h"

#include "mqtk/message.h"

/* What was counted; the tallies are sorted. */
struct stats {
	struct tally reasons, origins, exceptions, dialects;
	struct times times;
	int64_t letters, bytes;
	int64_t undated;
	int64_t oldest_ms, newest_ms; /* MQ_NO_TIME: unknown */
};

struct stats_look {
	const char *const *addresses; /* as they were given, for Prometheus' labels */
	size_t n_addresses;
	bool bars, bold;
};

/* Appends to buf. */
int stats_report(const struct stats *stats, enum dlq_format format, const struct stats_look *look,
                 struct mq_buf *buf, struct mq_err *err);

#endif

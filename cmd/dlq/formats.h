/* --format and -J of the reports about dead letters. */
#ifndef MQ_CMD_DLQ_FORMATS_H
#define MQ_CMD_DLQ_FORMATS_H

#include "mqtk/command.h"

enum dlq_format { DLQ_TABLE, DLQ_JSON, DLQ_CSV, DLQ_PROMETHEUS };

struct format_options {
	int format; /* enum dlq_format */
	bool json;
};
extern const struct mq_option format_rows[];

enum dlq_format format_of(const struct format_options *options);

#endif

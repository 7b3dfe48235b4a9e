/* What the table of backends needs to see of each: its descriptor. */
#ifndef MQ_BACKEND_TABLE_H
#define MQ_BACKEND_TABLE_H

#include "mqtk/backend.h"

#ifdef MQ_WITH_KAFKA
extern const struct mq_backend mq_backend_kafka;
#endif
#ifdef MQ_WITH_SQLITE
extern const struct mq_backend mq_backend_sqlite;
#endif

#endif

/* What the table of backends needs to see of each: its descriptor. */
#ifndef MQ_BACKEND_TABLE_H
#define MQ_BACKEND_TABLE_H

#include "mqtk/backend.h"

#ifdef MQ_WITH_kafka
extern const struct mq_backend mq_backend_kafka;
#endif
#ifdef MQ_WITH_rabbitmq
extern const struct mq_backend mq_backend_rabbitmq;
#endif
#ifdef MQ_WITH_redis
extern const struct mq_backend mq_backend_redis;
#endif
#ifdef MQ_WITH_sqlite
extern const struct mq_backend mq_backend_sqlite;
#endif

#endif

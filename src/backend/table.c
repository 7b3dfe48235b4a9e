/*
 * The table of backends: one line each. A backend whose library was missing at build time stays
 * listed, with the reason.
 */
#include "backend/table.h"

#include <strings.h>

#ifndef MQ_WITH_kafka
static const char *const kafka_schemes[] = {"kafka", "kafkas", NULL};
static const struct mq_backend mq_backend_kafka = {
    .name = "kafka",
    .title = "Apache Kafka, by librdkafka",
    .schemes = kafka_schemes,
    .missing = "built without librdkafka; install librdkafka-dev and build again",
};
#endif

#ifndef MQ_WITH_rabbitmq
static const char *const rabbitmq_schemes[] = {"amqp", "amqps", NULL};
static const struct mq_backend mq_backend_rabbitmq = {
    .name = "rabbitmq",
    .title = "RabbitMQ, by librabbitmq",
    .schemes = rabbitmq_schemes,
    .missing = "built without librabbitmq; install librabbitmq-dev and build again",
};
#endif

#ifndef MQ_WITH_redis
static const char *const redis_schemes[] = {"redis", "rediss", "redis+unix", NULL};
static const struct mq_backend mq_backend_redis = {
    .name = "redis",
    .title = "Redis Streams, by hiredis",
    .schemes = redis_schemes,
    .missing = "built without hiredis; install libhiredis-dev and build again",
};
#endif

#ifndef MQ_WITH_sqlite
static const char *const sqlite_schemes[] = {"sqlite", NULL};
static const struct mq_backend mq_backend_sqlite = {
    .name = "sqlite",
    .title = "the local store, by SQLite",
    .schemes = sqlite_schemes,
    .missing = "built without SQLite; install libsqlite3-dev and build again",
};
#endif

const struct mq_backend *const mq_backends[] = {
    &mq_backend_kafka, &mq_backend_rabbitmq, &mq_backend_redis, &mq_backend_sqlite, NULL,
};

const struct mq_backend *mq_backend_for_scheme(const char *scheme)
{
	for (size_t i = 0; mq_backends[i]; i++)
		for (const char *const *s = mq_backends[i]->schemes; *s; s++)
			if (strcasecmp(*s, scheme) == 0)
				return mq_backends[i];
	return NULL;
}

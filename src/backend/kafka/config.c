/*
 * Addresses and settings become librdkafka's configuration.
 *
 * Later ones win: the role's defaults (what mqtk decides differently from the library, with the
 * reason), then the address, then the user's settings. Every property of the library passes
 * through; an unknown one is refused here, before anything is contacted.
 */
#include "backend/kafka/kafka.h"
#include "mqtk/option.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct mq_setting mq_kafka_settings[] = {
    {"tls.ca", "FILE", "certificates to trust (the system's)", false},
    {"tls.cert", "FILE", "own certificate, PEM", false},
    {"tls.key", "FILE", "own private key, PEM", false},
    {"tls.key.password", "TEXT", "password of the private key", true},
    {"insecure", "BOOL", "true: do not verify the broker's certificate and name (false)", false},
    {"sasl.mechanism", "NAME", "how user and password are sent (PLAIN)", false},
    {"group.instance.id", "NAME", "a member that restarts keeps its partitions (none)", false},
    {"partitioner", "NAME", "where keys go (murmur2_random, as the Java client does)", false},
    {"isolation.level", "NAME", "read_uncommitted also shows aborted messages (read_committed)",
     false},
    {"linger.ms", "N", "how long a producer gathers a batch (5)", false},
    {"transactional.id", "NAME", "identity of --transactional (one of its own for each run)",
     false},
    {"max.poll.interval.ms", "N",
     "a member of a group whose output is blocked for longer gives its partitions away (300000)",
     false},
    {"debug", "LIST", "the library's debug contexts, shown with -vv", false},
    {NULL, NULL, NULL, false},
};

/* Our names for settings, and the library's. */
static const char *const aliases[][2] = {
    {"tls.ca", "ssl.ca.location"},
    {"tls.cert", "ssl.certificate.location"},
    {"tls.key", "ssl.key.location"},
    {"tls.key.password", "ssl.key.password"},
    {"metadata.broker.list", "bootstrap.servers"},
    {"sasl.mechanisms", "sasl.mechanism"},
    {"delivery.timeout.ms", "message.timeout.ms"},
    {"max.partition.fetch.bytes", "fetch.message.max.bytes"},
    {"acks", "request.required.acks"},
    {"compression.codec", "compression.type"},
};

static const char *const producer_defaults[] = {
    "acks",
    "all",
    "enable.idempotence",
    "true",
    /* Where the Java client puts keys, so that both write a key to the same partition. */
    "partitioner",
    "murmur2_random",
    "linger.ms",
    "5",
    /* The writer counts messages and bytes itself: the library's own limit would refuse one
     * message that is larger than it for ever. */
    "queue.buffering.max.kbytes",
    "2097151",
    "queue.buffering.max.messages",
    "1000000",
    /* The broker and its topics decide what is too large; batch.size bounds the batches. */
    "message.max.bytes",
    "1000000000",
    NULL,
};

static const char *const consumer_defaults[] = {
    "enable.auto.commit",
    "false",
    "enable.auto.offset.store",
    "false",
    /* Positions out of range are handled by the reader, which names the gap. */
    "auto.offset.reset",
    "error",
    "enable.partition.eof",
    "true",
    "allow.auto.create.topics",
    "false",
    /* Small enough for flat memory at any size of message; the reader keeps them filled. */
    "queued.min.messages",
    "60000",
    "queued.max.messages.kbytes",
    "16384",
    "fetch.message.max.bytes",
    "1048576",
    /* One message of any size; the library fetches a large one whole. */
    "receive.message.max.bytes",
    "1100000000",
    /* How long the broker holds an empty answer. Only partitions with room in the queue are asked
     * for, so one at its end holds up the others for as long. */
    "fetch.wait.max.ms",
    "100",
    "fetch.error.backoff.ms",
    "100",
    /* Regular expressions find new topics, and topics new partitions, within this time. */
    "topic.metadata.refresh.interval.ms",
    "10000",
    NULL,
};

const char *mq_kafka_user_value(const struct mq_kafka_conn *conn, const char *name)
{
	return mq_settings_get(&conn->user, name);
}

/* --- unknown names -----------------------------------------------------------------------------
 */

/* The library tells its names only in print: the first word of each row of its own table. */
static void suggest(struct mq_err *err, const char *name)
{
	char *text = NULL;
	size_t size = 0, n = 0;
	FILE *out = open_memstream(&text, &size);
	const char *names[1000];

	if (!out)
		return;
	rd_kafka_conf_properties_show(out);
	if (fclose(out) != 0 || !text)
		goto out;
	for (char *line = text; *line && n < sizeof names / sizeof names[0] - 1;) {
		char *next = line + strcspn(line, "\n");
		bool last = *next == '\0';
		line[strcspn(line, " |\n")] = '\0';
		if (*line)
			names[n++] = line;
		line = last ? next : next + 1;
	}
	names[n] = NULL;
	const char *best = mq_nearest(name, names);
	if (best)
		mq_hint(err, "did you mean %s?", best);
	else
		mq_hint(err, "librdkafka's CONFIGURATION.md lists the properties");
out:
	free(text);
}

/* --- building ----------------------------------------------------------------------------------
 */

int mq_kafka_conf_set(rd_kafka_conf_t *conf, const char *name, const char *value,
                      struct mq_err *err)
{
	char text[512];

	switch (rd_kafka_conf_set(conf, name, value, text, sizeof text)) {
	case RD_KAFKA_CONF_OK:
		return 0;
	case RD_KAFKA_CONF_UNKNOWN:
		mq_fail(err, MQ_USAGE, "%s", text);
		suggest(err, name);
		return -1;
	default:
		return mq_fail(err, MQ_USAGE, "%s", text);
	}
}

static int set_pairs(rd_kafka_conf_t *conf, const char *const *pairs, struct mq_err *err)
{
	for (; pairs && *pairs; pairs += 2)
		if (mq_kafka_conf_set(conf, pairs[0], pairs[1], err) < 0)
			return -1;
	return 0;
}

static int set_all(rd_kafka_conf_t *conf, const struct mq_settings *settings, struct mq_err *err)
{
	for (size_t i = 0; i < settings->n; i++) {
		struct mq_err mine = MQ_ERR_INIT;
		const struct mq_setting_value *item = &settings->items[i];
		if (mq_kafka_conf_set(conf, item->name, item->value, &mine) == 0)
			continue;
		mq_fail(err, mine.code, "%s (%s)", mine.message, item->source);
		return mine.hint[0] ? mq_hint(err, "%s", mine.hint) : -1;
	}
	return 0;
}

rd_kafka_conf_t *mq_kafka_conf(const struct mq_kafka_conn *conn, enum mq_kafka_role role,
                               const char *const *extra, struct mq_err *err)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	const char *const *defaults = role == MQ_KAFKA_PRODUCER   ? producer_defaults
	                              : role == MQ_KAFKA_CONSUMER ? consumer_defaults
	                                                          : NULL;

	if (mq_kafka_conf_set(conf, "client.id", "mqtk", err) < 0 ||
	    /* Idle connections that a broker closes are no news. */
	    mq_kafka_conf_set(conf, "log.connection.close", "false", err) < 0 ||
	    mq_kafka_conf_set(conf, "reconnect.backoff.max.ms", "1000", err) < 0 ||
	    set_pairs(conf, defaults, err) < 0 || set_pairs(conf, extra, err) < 0 ||
	    set_all(conf, &conn->derived, err) < 0 || set_all(conf, &conn->user, err) < 0) {
		rd_kafka_conf_destroy(conf);
		return NULL;
	}
	return conf;
}

/* --- the connection ------------------------------------------------------------------------------
 */

static const char *library_name(const char *name)
{
	for (size_t i = 0; i < sizeof aliases / sizeof aliases[0]; i++)
		if (strcmp(name, aliases[i][0]) == 0)
			return aliases[i][1];
	/* kcat's prefix for what belongs to topics; the library accepts those everywhere. */
	return strncmp(name, "topic.", 6) == 0 && strncmp(name, "topic.metadata.", 15) != 0 &&
	               strncmp(name, "topic.blacklist", 15) != 0
	           ? name + 6
	           : name;
}

static int read_insecure(const char *value, bool *ret, struct mq_err *err)
{
	if (strcmp(value, "true") == 0 || strcmp(value, "1") == 0 || value[0] == '\0')
		*ret = true;
	else if (strcmp(value, "false") == 0 || strcmp(value, "0") == 0)
		*ret = false;
	else
		return mq_fail(err, MQ_USAGE, "insecure=%s: expected true or false", value);
	return 0;
}

/* What follows from the address: where, over TLS or not, as whom. */
static int derive(struct mq_kafka_conn *conn, const struct mq_target *target, bool insecure,
                  struct mq_err *err)
{
	struct mq_settings *to = &conn->derived;
	bool tls = strcmp(target->scheme, "kafkas") == 0;
	bool sasl = target->user || mq_kafka_user_value(conn, "sasl.mechanism");
	const char *from = "address";

	if (target->authority[0] &&
	    mq_settings_add(to, "bootstrap.servers", target->authority, from, err) < 0)
		return -1;
	if (mq_settings_add(to, "security.protocol",
	                    tls ? (sasl ? "sasl_ssl" : "ssl")
	                        : (sasl ? "sasl_plaintext" : "plaintext"),
	                    from, err) < 0)
		return -1;
	if (target->user && (mq_settings_add(to, "sasl.mechanism", "PLAIN", from, err) < 0 ||
	                     mq_settings_add(to, "sasl.username", target->user, from, err) < 0))
		return -1;
	if (target->password &&
	    mq_settings_add(to, "sasl.password", target->password, from, err) < 0)
		return -1;
	if (insecure &&
	    (mq_settings_add(to, "enable.ssl.certificate.verification", "false", from, err) < 0 ||
	     mq_settings_add(to, "ssl.endpoint.identification.algorithm", "none", from, err) < 0))
		return -1;
	if (tls && !insecure &&
	    mq_settings_add(to, "ssl.endpoint.identification.algorithm", "https", from, err) < 0)
		return -1;
	return 0;
}

int mq_kafka_open(const struct mq_target *target, const struct mq_env *env,
                  struct mq_conn **ret_conn, struct mq_err *err)
{
	struct mq_kafka_conn *conn = calloc(1, sizeof *conn);
	bool insecure = false;
	rd_kafka_conf_t *conf;

	if (!conn)
		return mq_fail_memory(err);
	conn->base =
	    (struct mq_conn){.backend = target->backend, .env = env, .caps = target->backend->caps};
	mq_settings_init(&conn->derived);
	mq_settings_init(&conn->user);
	conn->shown = strdup(target->shown ? target->shown : target->authority);
	conn->hosts = strdup(target->authority);
	if (!conn->shown || !conn->hosts) {
		mq_fail_memory(err);
		goto fail;
	}
	for (size_t i = 0; i < target->settings.n; i++) {
		const struct mq_setting_value *item = &target->settings.items[i];
		if (strcmp(item->name, "insecure") == 0) {
			if (read_insecure(item->value, &insecure, err) < 0)
				goto fail;
		} else if (mq_settings_add(&conn->user, library_name(item->name), item->value,
		                           item->source, err) < 0) {
			goto fail;
		}
	}
	if (!target->authority[0] && !mq_kafka_user_value(conn, "bootstrap.servers") &&
	    !mq_kafka_user_value(conn, "test.mock.num.brokers")) {
		mq_fail(err, MQ_USAGE, "%s: no host in the address", conn->shown);
		mq_hint(err, "write kafka://HOST:9092/TOPIC");
		goto fail;
	}
	if (target->path && target->path[0]) {
		mq_fail(err, MQ_USAGE, "%s: a topic's address has one segment behind the host",
		        conn->shown);
		mq_hint(err, "write kafka://HOST:9092/TOPIC");
		goto fail;
	}
	if (derive(conn, target, insecure, err) < 0)
		goto fail;
	/* Refuse what the library does not know now, before anything is contacted. */
	conf = mq_kafka_conf(conn, MQ_KAFKA_ADMIN, NULL, err);
	if (!conf)
		goto fail;
	rd_kafka_conf_destroy(conf);
	*ret_conn = &conn->base;
	return 0;
fail:
	mq_kafka_close(&conn->base);
	return -1;
}

void mq_kafka_close(struct mq_conn *base)
{
	struct mq_kafka_conn *conn = (struct mq_kafka_conn *)base;

	if (!conn)
		return;
	mq_kafka_handle_free(conn->groups);
	mq_kafka_handle_free(conn->admin);
	mq_settings_release(&conn->derived);
	mq_settings_release(&conn->user);
	free(conn->shown);
	free(conn->hosts);
	free(conn);
}

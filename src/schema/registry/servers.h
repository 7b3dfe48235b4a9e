/*
 * The servers of one registry: asks the one that answered last, tries the others when it does not,
 * and all again after a while, until env->timeout_ms is over.
 */
#ifndef SCHEMA_REGISTRY_SERVERS_H
#define SCHEMA_REGISTRY_SERVERS_H

#include "mqtk/registry.h"

struct mq_registry_servers;

int mq_registry_servers_new(const struct mq_registry_spec *spec, struct mq_registry_servers **ret,
                            struct mq_err *err);
void mq_registry_servers_free(struct mq_registry_servers *servers);

/* The URL of the server that answered last (or is asked first), as messages show it. */
const char *mq_registry_servers_url(const struct mq_registry_servers *servers);

/* Appends all of their URLs, in their order. */
int mq_registry_servers_name(const struct mq_registry_servers *servers, struct mq_buf *buf,
                             struct mq_err *err);

struct mq_registry_question {
	const char *method; /* GET PUT POST DELETE */
	const char *path;   /* percent-encoded, begins with '/' */
	const char *body;   /* JSON, or NULL */
	const char *what;   /* for messages: "schema 5", "the subjects" */
};

/*
 * Asks. Returns 200 … 299, or 400 … 499 (never 401, 403, 429), with what was answered in answer.
 * -1: MQ_UNREACHABLE after all tries, MQ_DENIED, MQ_DATA (a redirect, an answer that is too large),
 * MQ_CANCELLED. When nobody answered, the questions of the next seconds are tried only once and not
 * for long: they may be very many.
 */
int mq_registry_ask(struct mq_registry_servers *servers,
                    const struct mq_registry_question *question, struct mq_buf *answer,
                    struct mq_err *err);
/* The end of such haste. */
void mq_registry_servers_forget(struct mq_registry_servers *servers);

/* Tells why a question was answered with this status, which is none of 200 … 299: as MQ_NOT_FOUND,
 * MQ_NEGATIVE (409, unless it was a GET), MQ_DATA. Returns -1. */
int mq_registry_refused(const struct mq_registry_servers *servers,
                        const struct mq_registry_question *question, int status,
                        struct mq_buf *answer, struct mq_err *err);
/* The same for an answer that could not be read, with why. */
int mq_registry_misread(const struct mq_registry_servers *servers,
                        const struct mq_registry_question *question, const struct mq_err *why,
                        struct mq_err *err);

#endif

/*
 * Which schema registry is meant, and schemas from it.
 *
 * The first of these that says so: --registry, -X registry=URL, $MQTK_REGISTRY, the key `registry`
 * of the profile that an address of the command line uses, that of the default broker's profile.
 * What else there is to say (mq_registry_settings) are settings, or keys of that profile; a user
 * and a password stand in the URL.
 */
#ifndef MQ_CMD_SCHEMA_REGISTRIES_H
#define MQ_CMD_SCHEMA_REGISTRIES_H

#include "mqtk/command.h"
#include "mqtk/registry.h"

struct registries_options {
	const char *url; /* --registry; NULL: not given */
};
extern const struct mq_option registries_rows[];

/* Opens it: 1; 0 when there is none; -1. Nothing is asked yet. url is --registry's, or NULL. */
int registries_open(const struct mq_invocation *invocation, const char *url,
                    struct mq_registry **ret, struct mq_err *err);
/* The same, but none is MQ_USAGE with a hint. what needs it: "registry:orders-value". */
int registries_need(const struct mq_invocation *invocation, const char *url, const char *what,
                    struct mq_registry **ret, struct mq_err *err);
/* For commands that work on a registry alone, whose operands are no addresses. Refuses settings of
 * brokers (MQ_USAGE), and with writes, which says what would be done, a registry that a read-only
 * profile names (MQ_DENIED). */
int registries_open_alone(const struct mq_invocation *invocation, const char *url,
                          const char *writes, struct mq_registry **ret, struct mq_err *err);

/* Whether a SOURCE is in a registry: registry:SUBJECT[:VERSION], id:N or guid:GUID. */
bool registries_has(const char *source);
/* What such a source names. VERSION is a number or "latest", which it is when left out. MQ_USAGE:
 * it cannot be read. */
int registries_find(struct mq_registry *registry, const char *source,
                    const struct mq_registered **ret, struct mq_err *err);

/* SUBJECT[:VERSION] taken apart: subjects may have colons too, so only a number or "latest" behind
 * the last one is a version. *ret_version: 0 for latest, -1 when there is none. */
#define REGISTRIES_SUBJECT_MAX 1024
int registries_split(const char *text, char *subject, size_t size, int32_t *ret_version,
                     struct mq_err *err);

/* The 16 bytes of a GUID as text; false when it is none. */
bool registries_guid(const char *text, unsigned char ret[static 16]);

#endif

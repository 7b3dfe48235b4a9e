/*
 * A schema registry, by Confluent's protocol (REST API v1; Apicurio and Karapace speak it too).
 *
 * One client holds its connections, tries several URLs in turn, and asks for each id, GUID and
 * version at most once however many messages need it; what it learned of immutable things may be
 * kept on disk. What a registry answers is trusted with nothing: HTML, cut JSON and other ids than
 * asked for are MQ_DATA that names the URL and what was asked. No answer, or 5xx after the retries:
 * MQ_UNREACHABLE. 401, 403: MQ_DENIED. No such subject, version, id: MQ_NOT_FOUND.
 */
#ifndef MQTK_REGISTRY_H
#define MQTK_REGISTRY_H

#include "mqtk/env.h"
#include "mqtk/net.h"
#include "mqtk/schema.h"

struct mq_registry; /* one thread */

struct mq_registry_spec {
	const char *urls;  /* one or several, separated by commas; user:password@ in them is basic
	                    * authentication */
	const char *token; /* bearer; NULL: none */
	const struct mq_net_tls *tls; /* for https: CA, client certificate; NULL: the defaults */
	const char *cache;            /* folder for what never changes; NULL: memory only */
	const struct mq_env *env;
};

/* Copies what it needs of spec but env. Nothing is asked yet. MQ_USAGE: no URL of http or https, or
 * HTTP is not built in. */
int mq_registry_new(const struct mq_registry_spec *spec, struct mq_registry **ret,
                    struct mq_err *err);
void mq_registry_free(struct mq_registry *registry);

enum { MQ_REFERENCE_LATEST = -1 };

struct mq_registry_reference {
	const char *name; /* an import path, a type's full name, a URI */
	const char *subject;
	int32_t version; /* or MQ_REFERENCE_LATEST */
};

/* What the registry has. Owned by it, valid as long as it. Absent things are -1 and NULL. */
struct mq_registered {
	int32_t id;
	const char *guid; /* as text with hyphens */
	const char *subject;
	int32_t version;
	enum mq_schema_kind kind; /* UNKNOWN: a kind that is none of ours */
	const char *type;         /* as the registry has it: "AVRO" */
	struct mq_bytes text;
	const struct mq_registry_reference *references;
	size_t n_references;
};

/* By id, by GUID (16 bytes), by subject and version (0: the latest, which is asked for once too;
 * see mq_registry_forget). */
int mq_registry_by_id(struct mq_registry *registry, int32_t id, const struct mq_registered **ret,
                      struct mq_err *err);
int mq_registry_by_guid(struct mq_registry *registry, const unsigned char guid[16],
                        const struct mq_registered **ret, struct mq_err *err);
int mq_registry_by_version(struct mq_registry *registry, const char *subject, int32_t version,
                           const struct mq_registered **ret, struct mq_err *err);
/* Asks anew for what may have changed: the latest versions, and what was not found. */
void mq_registry_forget(struct mq_registry *registry);

/* The schema itself, compiled with everything that it refers to; owned by the registry, and the
 * same for the same registered and spec. spec gives draft, assert_format, message, and load for
 * what is none of the references; the rest is filled in. MQ_DATA: it is no schema, its references
 * are not there or go in a circle. */
int mq_registry_schema(struct mq_registry *registry, const struct mq_registered *registered,
                       const struct mq_schema_spec *spec, struct mq_schema **ret,
                       struct mq_err *err);

/* --- changing and listing --------------------------------------------------------------------- */

/* Called for each in the registry's order. Returns 0 to go on. */
typedef int mq_registry_subject_fn(void *ctx, const char *subject);
typedef int mq_registry_version_fn(void *ctx, int32_t version);
int mq_registry_subjects(struct mq_registry *registry, const char *prefix, bool deleted,
                         mq_registry_subject_fn *each, void *ctx, struct mq_err *err);
int mq_registry_versions(struct mq_registry *registry, const char *subject, bool deleted,
                         mq_registry_version_fn *each, void *ctx, struct mq_err *err);

struct mq_registry_new_schema {
	const char *subject;
	enum mq_schema_kind kind;
	struct mq_bytes text;
	const struct mq_registry_reference *references;
	size_t n_references;
};
/* Registers, unless it is there already: *ret_id. MQ_NEGATIVE with the registry's reasons when it
 * is not compatible. */
int mq_registry_register(struct mq_registry *registry, const struct mq_registry_new_schema *schema,
                         int32_t *ret_id, struct mq_err *err);
/* Whether that text is registered under the subject: 1 with *ret (subject, id, version), 0, -1. */
int mq_registry_look_up(struct mq_registry *registry, const struct mq_registry_new_schema *schema,
                        const struct mq_registered **ret, struct mq_err *err);
/* Whether a new text may follow a version (0: latest; -1: all): 1; 0 and each of the registry's
 * reasons was told as it words them; -1. */
int mq_registry_compatible(struct mq_registry *registry,
                           const struct mq_registry_new_schema *schema, int32_t version,
                           int (*tell)(void *ctx, const char *reason), void *ctx,
                           struct mq_err *err);
/* version 0: the whole subject. permanent: what was deleted before. */
int mq_registry_delete(struct mq_registry *registry, const char *subject, int32_t version,
                       bool permanent, struct mq_err *err);
/* The compatibility level of a subject (NULL: the global one), appended as text: BACKWARD …. 1; 0:
 * the subject has none of its own and *buf has the global one; -1. */
int mq_registry_level(struct mq_registry *registry, const char *subject, struct mq_buf *buf,
                      struct mq_err *err);
/* level NULL: the subject falls back to the global one. */
int mq_registry_set_level(struct mq_registry *registry, const char *subject, const char *level,
                          struct mq_err *err);

#endif

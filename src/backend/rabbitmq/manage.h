/*
 * What RabbitMQ only tells over its management API, and what is changed there.
 *
 *   manage.c         the client: addresses, requests, answers as JSON, errors
 *   facts.c          what a queue is: type, what applies to it, limits, bindings
 *   list.c           the queues of a vhost
 *   routes.c         where its dead letters go
 *   describe.c       one queue with everything known
 *   describe_broker.c  the cluster and its exchanges
 *   policy.c         changing a queue's limits by a policy of its own
 *
 * The broker answers from samples that are seconds old, and leaves out what it has no sample of.
 * Fresh are: type, arguments, a policy's definition, the list with totals (of classic queues), and
 * what AMQP's passive declare tells.
 */
#ifndef MQ_RABBITMQ_MANAGE_H
#define MQ_RABBITMQ_MANAGE_H

#include "backend/rabbitmq/rabbitmq.h"

#include <jansson.h>

/* --- manage.c -------------------------------------------------------------------------------- */

/* A path below /api, in segments that are encoded: MQ_PATH("queues", vhost, queue). */
#define MQ_PATH(...) ((const char *const[]){__VA_ARGS__, NULL})

/* The connection's client, made at the first call; contacts nobody. NULL with err set. */
struct mq_rabbit_manage *mq_rabbit_manage(struct mq_rabbit_conn *conn, struct mq_err *err);
void mq_rabbit_manage_free(struct mq_rabbit_manage *manage);

/* Between on and off a server that nobody named may not hold up what works without it for long. */
void mq_rabbit_manage_hurry(struct mq_rabbit_manage *manage, bool hurry);

/* GET. query is what stands behind '?', or NULL. what names the thing when it is missing
 * (MQ_NOT_FOUND); NULL: the vhost; "": what every such API has. Other errors: MQ_DENIED;
 * MQ_UNREACHABLE; MQ_DATA when the answer is none of this API; each with the URL and a hint. The
 * caller drops its reference of *ret_json.
 */
int mq_rabbit_manage_get(struct mq_rabbit_manage *manage, const char *const *path,
                         const char *query, const char *what, json_t **ret_json,
                         struct mq_err *err);
/* All pages of a paged list as one array. */
int mq_rabbit_manage_get_all(struct mq_rabbit_manage *manage, const char *const *path,
                             const char *query, const char *what, json_t **ret_array,
                             struct mq_err *err);
/* PUT, or DELETE without a body. */
int mq_rabbit_manage_change(struct mq_rabbit_manage *manage, const char *const *path,
                            const json_t *body, const char *what, struct mq_err *err);

/* True for failures of the management API that leave AMQP to work with: it is not there, does not
 * answer, or this user may not use it. */
bool mq_rabbit_manage_is_off(const struct mq_err *err);

/* Members of answers; otherwise: what stands for a missing one or null. Strings are borrowed. */
const char *mq_rabbit_json_text(const json_t *object, const char *name);
int64_t mq_rabbit_json_int(const json_t *object, const char *name, int64_t otherwise);
/* Text as it is, everything else as JSON; a string of its own. */
char *mq_rabbit_json_show(const json_t *value, struct mq_err *err);
/* An object with the items of a list under their names. */
json_t *mq_rabbit_json_index(json_t *list, struct mq_err *err);

/* --- facts.c --------------------------------------------------------------------------------- */

enum mq_rabbit_type {
	MQ_RABBIT_TYPE_UNKNOWN,
	MQ_RABBIT_CLASSIC,
	MQ_RABBIT_QUORUM,
	MQ_RABBIT_STREAM
};

#define MQ_RABBIT_NO_LIMIT (-1)
#define MQ_RABBIT_UNKNOWN (-2)

/* What decides how a queue can be read. Unknown is a value. */
struct mq_rabbit_facts {
	enum mq_rabbit_type type;
	/* Deliveries of a message before the broker drops or dead-letters it, by argument, policy
	 * or the version's default; MQ_RABBIT_NO_LIMIT, MQ_RABBIT_UNKNOWN. */
	int64_t delivery_limit;
	int version_major, version_minor; /* 0: unknown */
	char version[32];                 /* "": unknown */
	bool bindings_known;
	struct mq_binding_info *bindings; /* but that of the default exchange */
	size_t n_bindings;
	char why_unknown[600]; /* why the management API did not tell, or "" */
};
/* MQ_NOT_FOUND, MQ_CANCELLED; that the management API does not answer is no error. */
int mq_rabbit_queue_facts(struct mq_rabbit_conn *conn, const char *queue,
                          struct mq_rabbit_facts *ret_facts, struct mq_err *err);
void mq_rabbit_facts_release(struct mq_rabbit_facts *facts);

/* What the broker says of one queue. Members are NULL where it does not tell. */
struct mq_rabbit_queue {
	json_t *basic;          /* fresh: type, arguments, totals */
	json_t *sampled;        /* seconds old, may be nearly empty */
	json_t *rules;          /* what its policy and operator policy set, if rules_known */
	json_t *policy_rules;   /* those of the policy alone */
	json_t *operator_rules; /* those of the operator policy alone */
	char *policy;           /* the name of the policy that applies, or NULL */
	int64_t policy_priority;
	bool rules_known;
};
int mq_rabbit_queue_ask(struct mq_rabbit_conn *conn, const char *name,
                        struct mq_rabbit_queue *ret_queue, struct mq_err *err);
void mq_rabbit_queue_release(struct mq_rabbit_queue *queue);
enum mq_rabbit_type mq_rabbit_type_of(const json_t *queue);
/* kind.c: what AMQP alone tells of a queue that exists. Closes the admin's channel. */
enum mq_rabbit_type mq_rabbit_type_by_amqp(struct mq_rabbit_conn *conn, const char *queue);
/* The argument of a queue ("x-" is put before the name), or NULL. Borrowed. */
const json_t *mq_rabbit_argument(const struct mq_rabbit_queue *queue, const char *name);
/* Whether a policy's rule holds beside what the queue was declared with (or, for numbers, beside an
 * operator policy): of numbers and ages the smaller one does, a negative number being none; of all
 * else the argument. given may be NULL. */
bool mq_rabbit_rule_holds(const char *name, const json_t *rule, const json_t *given);
/* The limit of deliveries; version_major 0: unknown. */
int64_t mq_rabbit_delivery_limit(const struct mq_rabbit_queue *queue, int version_major);

/* Appends one binding; end is its other end: "source" or "destination". */
int mq_rabbit_binding_add(const json_t *from, const char *end, struct mq_binding_info **bindings,
                          size_t *n, struct mq_err *err);
/* Appends a queue's bindings but that of the default exchange. */
int mq_rabbit_bindings_ask(struct mq_rabbit_conn *conn, const char *queue,
                           struct mq_binding_info **bindings, size_t *n, struct mq_err *err);
/* Appends name with what a regular expression means otherwise escaped. */
int mq_rabbit_append_pattern(struct mq_buf *buf, const char *name, struct mq_err *err);

/* --- list.c ---------------------------------------------------------------------------------- */

/* Fills in name, type and the counts of messages. basic and sampled as above; sampled may be NULL.
 */
int mq_rabbit_counts(const json_t *basic, const json_t *sampled, struct mq_stream_info *info,
                     struct mq_err *err);
/* Corrects the counts by what a passive declare told just now. */
void mq_rabbit_counts_now(struct mq_stream_info *info, enum mq_rabbit_type type,
                          const struct mq_rabbit_depth *now);

/* --- policy.c -------------------------------------------------------------------------------- */

/* After a queue was deleted: removes the policy that alter made for it, or the next queue of that
 * name would have its limits. Fails silently: not every user may, and not every queue has one. */
void mq_rabbit_policy_forget(struct mq_rabbit_conn *conn, const char *queue);

/* --- the descriptor's ------------------------------------------------------------------------ */

int mq_rabbit_list(struct mq_conn *conn, bool deep, struct mq_stream_list *ret_list,
                   struct mq_err *err);
int mq_rabbit_dead_routes(struct mq_conn *conn, struct mq_dead_route_list *ret_list,
                          struct mq_err *err);
int mq_rabbit_describe(struct mq_conn *conn, const char *stream, struct mq_stream_info *ret_info,
                       struct mq_err *err);
int mq_rabbit_describe_broker(struct mq_conn *conn, struct mq_broker_info *ret_info,
                              struct mq_err *err);
int mq_rabbit_alter(struct mq_conn *conn, const struct mq_stream_spec *spec, struct mq_err *err);

#endif

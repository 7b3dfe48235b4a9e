/*
 * What a registry answers, read: texts into values, without a connection. Nothing in them is
 * trusted; what does not fit is MQ_DATA in words that go behind "URL: asked for …: ".
 *
 * The texts are JSON (parsed by schema/json/value.h, which writes to them).
 */
#ifndef SCHEMA_REGISTRY_ANSWERS_H
#define SCHEMA_REGISTRY_ANSWERS_H

#include "mqtk/registry.h"

/* A schema. Everything in *ret is owned by it, also when this fails. */
int mq_registry_read_schema(struct mq_buf *answer, struct mq_registered *ret, struct mq_err *err);
void mq_registered_release(struct mq_registered *registered);

/* Why something was refused: {"error_code", "message"}. */
struct mq_registry_refusal {
	int32_t code;      /* 40401 …; 0: the answer was no such thing */
	char message[400]; /* one line, or "" */
};
void mq_registry_read_refusal(struct mq_buf *answer, struct mq_registry_refusal *ret);

/* {"id": N}, of what was registered. */
int mq_registry_read_id(struct mq_buf *answer, int32_t *ret_id, struct mq_err *err);
/* An array of names or of numbers. Stops with -1 when each does not return 0. */
int mq_registry_read_names(struct mq_buf *answer, mq_registry_subject_fn *each, void *ctx,
                           struct mq_err *err);
int mq_registry_read_numbers(struct mq_buf *answer, mq_registry_version_fn *each, void *ctx,
                             struct mq_err *err);
/* {"is_compatible", "messages"}: 1; 0 and each message was told; -1. */
int mq_registry_read_compatible(struct mq_buf *answer, int (*tell)(void *ctx, const char *reason),
                                void *ctx, struct mq_err *err);
/* {"compatibilityLevel"}, appended to level. */
int mq_registry_read_level(struct mq_buf *answer, struct mq_buf *level, struct mq_err *err);

/* 16 bytes as text with hyphens. */
#define MQ_GUID_TEXT 37
void mq_registry_guid_text(const unsigned char guid[16], char ret[MQ_GUID_TEXT]);

#endif

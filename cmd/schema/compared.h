/*
 * Compatibility of a schema with older ones: the modes, and which broken rules there are.
 */
#ifndef MQ_CMD_SCHEMA_COMPARED_H
#define MQ_CMD_SCHEMA_COMPARED_H

#include "mqtk/schema.h"

/* In the order of schema_modes; COMPARED_DEFAULT: not chosen. */
enum compared_mode {
	COMPARED_DEFAULT,
	COMPARED_BACKWARD, /* the new reads what the old wrote */
	COMPARED_BACKWARD_TRANSITIVE,
	COMPARED_FORWARD, /* the old reads what the new writes */
	COMPARED_FORWARD_TRANSITIVE,
	COMPARED_FULL,
	COMPARED_FULL_TRANSITIVE,
	COMPARED_NONE, /* a registry's level: nothing is asked for */
};

/* For --mode. */
extern const char *const compared_modes[];
const char *compared_mode_name(enum compared_mode mode);
bool compared_is_transitive(enum compared_mode mode);
/* By a registry's name for it (BACKWARD_TRANSITIVE); COMPARED_DEFAULT: there is none. */
enum compared_mode compared_mode_of_level(struct mq_bytes level);

/* A rule that two schemas break. Paths are in the one and in the other; never NULL. */
struct compared_error {
	char *rule, *path, *old_path, *error;
	const char *old; /* name of the old one; borrowed */
	bool forward;
};

struct compared {
	struct compared_error *errors;
	size_t n, cap;
	struct mq_err *err;
	bool failed;
	/* of the pair at hand */
	const char *old;
	bool forward;
};

/* Compares in the directions of the mode, and adds what is broken. 0, or -1. */
int compared_add(struct compared *compared, enum compared_mode mode, struct mq_schema *now,
                 struct mq_schema *old, const char *old_name, struct mq_err *err);
void compared_release(struct compared *compared);

/* The report: a line for each error, or one JSON object. */
int compared_print_text(const struct compared *compared, const char *now, struct mq_buf *buf,
                        struct mq_err *err);
int compared_print_json(const struct compared *compared, enum compared_mode mode,
                        struct mq_buf *buf, struct mq_err *err);

#endif

/*
 * A judge with all that it needs, from the options of a command: the schema, and where payloads may
 * name the schema that wrote them, what finds that.
 */
#ifndef MQ_CMD_SCHEMA_JUDGING_H
#define MQ_CMD_SCHEMA_JUDGING_H

#include "cmd/schema/judge.h"
#include "cmd/schema/opening.h"

struct judging_spec {
	const struct schema_options *options;
	int framing;     /* enum mq_framing; -1: auto where the schema is a registry's or none is
	                  * given, else none */
	bool text;       /* payloads are JSON text, and name nothing */
	bool allow_null; /* no payload at all is valid */
	const char *unframe; /* of the judge */
	bool brought;        /* what is judged brings its schema along: none need be given */
	size_t most;         /* errors that are kept of a message */
};

struct judging {
	struct judge judge;
	struct schema_opened opened;
	struct mq_registry *registry;
};

/* Without options->source messages are judged by the schemas that they name. Errors: as schema_open
 * and mq_codec_new; MQ_USAGE: neither a schema nor a registry. To be closed also after a failure.
 */
int judging_open(struct judging *judging, const struct mq_invocation *invocation,
                 const struct judging_spec *spec, struct mq_err *err);
void judging_close(struct judging *judging);

#endif

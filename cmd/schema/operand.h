/* Whether an operand, or what --reject-to names, is a file or a stream. */
#ifndef MQ_CMD_SCHEMA_OPERAND_H
#define MQ_CMD_SCHEMA_OPERAND_H

#include "mqtk/command.h"

/*
 * True for a stream: a URL, or BROKER/STREAM where BROKER is `local` or a profile. False for a
 * file: "-", what `replay` takes for one (file:…, /…, ./…, ../…, ….jsonl), what is there under that
 * name, and everything else. So a stream of the default broker needs the broker's name.
 */
bool operand_is_address(const struct mq_invocation *invocation, const char *operand);

#endif

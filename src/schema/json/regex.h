/* Regular expressions as JSON Schema has them (ECMA-262, the u flag), run by PCRE2. */
#ifndef SCHEMA_JSON_REGEX_H
#define SCHEMA_JSON_REGEX_H

#include "mqtk/pattern.h"

/* MQ_DATA when it is none. */
int js_regex_new(struct mq_bytes text, struct mq_pattern **ret, struct mq_err *err);

#endif

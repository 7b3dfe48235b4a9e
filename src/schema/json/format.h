/* format: the forms of strings that the drafts name, checked when asked for. */
#ifndef SCHEMA_JSON_FORMAT_H
#define SCHEMA_JSON_FORMAT_H

#include "schema/json/dialect.h"

struct js_format {
	const char *name;
	enum js_draft since;
	bool (*check)(const char *text, size_t len, enum js_draft draft);
};

/* The format of this name in a draft; NULL: it is not known, and says nothing. */
const struct js_format *js_format_find(struct mq_bytes name, enum js_draft draft);

#endif

/*
 * format: the forms of strings that the drafts name. They are checked only when asked for
 * (--assert-format, or the vocabulary format-assertion).
 */
#ifndef SCHEMA_JSON_FORMAT_H
#define SCHEMA_JSON_FORMAT_H

#include "schema/json/dialect.h"

struct js_format {
	const char *name;
	enum js_draft since;
	bool (*check)(struct mq_bytes text);
};

/* The format of this name in a draft; NULL: it is not known, and says nothing. */
const struct js_format *js_format_find(struct mq_bytes name, enum js_draft draft);

/* RFC 3339, and ISO 8601's durations as RFC 3339 appendix A has them: format_time.c. */
bool js_format_date(struct mq_bytes text);
bool js_format_time(struct mq_bytes text);
bool js_format_date_time(struct mq_bytes text);
bool js_format_duration(struct mq_bytes text);

/* RFC 1123, 5890 to 5893, 5321, 6531, 2673, 4291: format_host.c. */
bool js_format_hostname(struct mq_bytes text);
bool js_format_idn_hostname(struct mq_bytes text);
bool js_format_email(struct mq_bytes text);
bool js_format_idn_email(struct mq_bytes text);
bool js_format_ipv4(struct mq_bytes text);
bool js_format_ipv6(struct mq_bytes text);

/* RFC 3986, 3987, 6570: format_uri.c. */
bool js_format_uri(struct mq_bytes text);
bool js_format_uri_reference(struct mq_bytes text);
bool js_format_iri(struct mq_bytes text);
bool js_format_iri_reference(struct mq_bytes text);
bool js_format_uri_template(struct mq_bytes text);

#endif

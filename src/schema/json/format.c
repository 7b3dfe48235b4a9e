/* The table of formats, and the small ones: see format.h. */
#include "schema/json/format.h"

#include "schema/json/regex.h"

#include <ctype.h>

/* RFC 4122, in its text form. */
static bool uuid(struct mq_bytes text)
{
	if (text.len != 36)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;
		if (dash ? text.data[i] != '-' : !isxdigit((unsigned char)text.data[i]))
			return false;
	}
	return true;
}

/* RFC 6901. */
static bool json_pointer(struct mq_bytes text)
{
	if (text.len > 0 && text.data[0] != '/')
		return false;
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] == '~' &&
		    (i + 1 == text.len || (text.data[i + 1] != '0' && text.data[i + 1] != '1')))
			return false;
	return true;
}

/* draft-handrews-relative-json-pointer: how many levels up, an optional shift in an array, and '#'
 * or a pointer. */
static bool relative_json_pointer(struct mq_bytes text)
{
	size_t i = 0, begin;

	while (i < text.len && isdigit((unsigned char)text.data[i]))
		i++;
	if (i == 0 || (text.data[0] == '0' && i > 1))
		return false;
	if (i < text.len && (text.data[i] == '+' || text.data[i] == '-')) {
		begin = ++i;
		while (i < text.len && isdigit((unsigned char)text.data[i]))
			i++;
		if (i == begin || text.data[begin] == '0')
			return false;
	}
	struct mq_bytes rest = mq_bytes_of(text.data + i, text.len - i);
	return (rest.len == 1 && rest.data[0] == '#') || json_pointer(rest);
}

static bool regex(struct mq_bytes text)
{
	struct mq_err err = MQ_ERR_INIT;
	struct mq_pattern *pattern = NULL;
	bool ok = js_regex_new(text, &pattern, &err) == 0;

	mq_pattern_free(pattern);
	return ok;
}

const struct js_format *js_format_find(struct mq_bytes name, enum js_draft draft)
{
	static const struct js_format formats[] = {
	    {"date-time", JS_DRAFT_4, js_format_date_time},
	    {"email", JS_DRAFT_4, js_format_email},
	    {"hostname", JS_DRAFT_4, js_format_hostname},
	    {"ipv4", JS_DRAFT_4, js_format_ipv4},
	    {"ipv6", JS_DRAFT_4, js_format_ipv6},
	    {"uri", JS_DRAFT_4, js_format_uri},
	    {"json-pointer", JS_DRAFT_6, json_pointer},
	    {"uri-reference", JS_DRAFT_6, js_format_uri_reference},
	    {"uri-template", JS_DRAFT_6, js_format_uri_template},
	    {"date", JS_DRAFT_7, js_format_date},
	    {"idn-email", JS_DRAFT_7, js_format_idn_email},
	    {"idn-hostname", JS_DRAFT_7, js_format_idn_hostname},
	    {"iri", JS_DRAFT_7, js_format_iri},
	    {"iri-reference", JS_DRAFT_7, js_format_iri_reference},
	    {"regex", JS_DRAFT_7, regex},
	    {"relative-json-pointer", JS_DRAFT_7, relative_json_pointer},
	    {"time", JS_DRAFT_7, js_format_time},
	    {"duration", JS_DRAFT_2019_09, js_format_duration},
	    {"uuid", JS_DRAFT_2019_09, uuid},
	};

	for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
		if (draft >= formats[i].since &&
		    mq_bytes_equal(name, mq_bytes_str(formats[i].name)))
			return &formats[i];
	return NULL;
}

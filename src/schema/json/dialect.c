/* The table of keywords: see dialect.h. */
#include "schema/json/dialect.h"

static const struct {
	const char *name;
	enum js_draft since, until;
	enum js_holds holds;
	unsigned vocabulary;
} keywords[JS_N_KEYWORDS] = {
    [JS_KW_ADDITIONAL_ITEMS] = {"additionalItems", JS_DRAFT_4, JS_DRAFT_2019_09, JS_HOLDS_ONE,
                                JS_APPLICATOR},
    [JS_KW_ADDITIONAL_PROPERTIES] = {"additionalProperties", JS_DRAFT_4, JS_DRAFT_2020_12,
                                     JS_HOLDS_ONE, JS_APPLICATOR},
    [JS_KW_ALL_OF] = {"allOf", JS_DRAFT_4, JS_DRAFT_2020_12, JS_HOLDS_MANY, JS_APPLICATOR},
    [JS_KW_ANY_OF] = {"anyOf", JS_DRAFT_4, JS_DRAFT_2020_12, JS_HOLDS_MANY, JS_APPLICATOR},
    [JS_KW_CONST] = {"const", JS_DRAFT_6, JS_DRAFT_2020_12, JS_HOLDS_NOTHING, JS_VALIDATION},
    [JS_KW_CONTAINS] = {"contains", JS_DRAFT_6, JS_DRAFT_2020_12, JS_HOLDS_ONE, JS_APPLICATOR},
    [JS_KW_CONTENT_SCHEMA] = {"contentSchema", JS_DRAFT_2019_09, JS_DRAFT_2020_12, JS_HOLDS_ONE,
                              JS_CONTENT},
    [JS_KW_DEFINITIONS] = {"definitions", JS_DRAFT_4, JS_DRAFT_2020_12, JS_HOLDS_NAMED, JS_CORE},
    [JS_KW_DEFS] = {"$defs", JS_DRAFT_2019_09, JS_DRAFT_2020_12, JS_HOLDS_NAMED, JS_CORE},
    /* Gone since 2019-09, but many schemas that say so still mean it. */
    [JS_KW_DEPENDENCIES] = {"dependencies", JS_DRAFT_4, JS_DRAFT_2020_12, JS_HOLDS_NAMED,
                            JS_APPLICATOR},
    [JS_KW_DEPENDENT_REQUIRED] = {"dependentRequired", JS_DRAFT_2019_09, JS_DRAFT_2020_12,
                                  JS_HOLDS_NOTHING, JS_VALIDATION},
    [JS_KW_DEPENDENT_SCHEMAS] = {"dependentSchemas", JS_DRAFT_2019_09, JS_DRAFT_2020_12,
                                 JS_HOLDS_NAMED, JS_APPLICATOR},
    [JS_KW_DYNAMIC_REF] = {"$dynamicRef", JS_DRAFT_2020_12, JS_DRAFT_2020_12, JS_HOLDS_NOTHING,
                           JS_CORE},
    [JS_KW_ELSE] = {"else", JS_DRAFT_7, JS_DRAFT_2020_12, JS_HOLDS_ONE, JS_APPLICATOR},
    [JS_KW_ENUM] = {"enum", JS_DRAFT_4, JS_DRAFT_2020_12, JS_HOLDS_NOTHING, JS_VALIDATION},
    [JS_KW_EXCLUSIVE_MAXIMUM] = {"exclusiveMaximum", JS_DRAFT_4, JS_DRAFT_2020_12, JS_HOLDS_NOTHING,
                                 JS_VALIDATION},
    [JS_KW_EXCLUSIVE_MINIMUM] = {"exclusiveMinimum", JS_DRAFT_4, JS_DRAFT_2020_12, JS_HOLDS_NOTHING,
                                 JS_VALIDATION},
    [JS_KW_FORMAT] = {"format", JS_DRAFT_4, JS_DRAFT_2020_12, JS_HOLDS_NOTHING,
                      JS_FORMAT | JS_FORMAT_ASSERTION},
    [JS_KW_IF] = {"if", JS_DRAFT_7, JS_DRAFT_2020_12, JS_HOLDS_ONE, JS_APPLICATOR},
    [JS_KW_ITEMS] = {"items", JS_DRAFT_4, JS_DRAFT_2020_12, JS_HOLDS_ONE_OR_MANY, JS_APPLICATOR},
    [JS_KW_MAX_CONTAINS] = {"maxContains", JS_DRAFT_2019_09, JS_DRAFT_2020_12, JS_HOLDS_NOTHING,
                            JS_VALIDATION},
    [JS_KW_MAX_ITEMS] = {"maxItems", JS_DRAFT_4, JS_DRAFT_2020_12, JS_HOLDS_NOTHING, JS_VALIDATION},
    [JS_KW_MAX_LENGTH] = {"maxLength", JS_DRAFT_4, JS_DRAFT_2020_12, JS_HOLDS_NOTHING,
                          JS_VALIDATION},
    [JS_KW_MAX_PROPERTIES] = {"maxProperties", JS_DRAFT_4, JS_DRAFT_2020_12, JS_HOLDS_NOTHING,
                              JS_VALIDATION},
    [JS_KW_MAXIMUM] = {"maximum", JS_DRAFT_4, JS_DRAFT_2020_12, JS_HOLDS_NOTHING, JS_VALIDATION},
    [JS_KW_MIN_CONTAINS] = {"minContains", JS_DRAFT_2019_09, JS_DRAFT_2020_12, JS_HOLDS_NOTHING,
                            JS_VALIDATION},
    [JS_KW_MIN_ITEMS] = {"minItems", JS_DRAFT_4, JS_DRAFT_2020_12, JS_HOLDS_NOTHING, JS_VALIDATION},
    [JS_KW_MIN_LENGTH] = {"minLength", JS_DRAFT_4, JS_DRAFT_2020_12, JS_HOLDS_NOTHING,
                          JS_VALIDATION},
    [JS_KW_MIN_PROPERTIES] = {"minProperties", JS_DRAFT_4, JS_DRAFT_2020_12, JS_HOLDS_NOTHING,
                              JS_VALIDATION},
    [JS_KW_MINIMUM] = {"minimum", JS_DRAFT_4, JS_DRAFT_2020_12, JS_HOLDS_NOTHING, JS_VALIDATION},
    [JS_KW_MULTIPLE_OF] = {"multipleOf", JS_DRAFT_4, JS_DRAFT_2020_12, JS_HOLDS_NOTHING,
                           JS_VALIDATION},
    [JS_KW_NOT] = {"not", JS_DRAFT_4, JS_DRAFT_2020_12, JS_HOLDS_ONE, JS_APPLICATOR},
    [JS_KW_ONE_OF] = {"oneOf", JS_DRAFT_4, JS_DRAFT_2020_12, JS_HOLDS_MANY, JS_APPLICATOR},
    [JS_KW_PATTERN] = {"pattern", JS_DRAFT_4, JS_DRAFT_2020_12, JS_HOLDS_NOTHING, JS_VALIDATION},
    [JS_KW_PATTERN_PROPERTIES] = {"patternProperties", JS_DRAFT_4, JS_DRAFT_2020_12, JS_HOLDS_NAMED,
                                  JS_APPLICATOR},
    [JS_KW_PREFIX_ITEMS] = {"prefixItems", JS_DRAFT_2020_12, JS_DRAFT_2020_12, JS_HOLDS_MANY,
                            JS_APPLICATOR},
    [JS_KW_PROPERTIES] = {"properties", JS_DRAFT_4, JS_DRAFT_2020_12, JS_HOLDS_NAMED,
                          JS_APPLICATOR},
    [JS_KW_PROPERTY_NAMES] = {"propertyNames", JS_DRAFT_6, JS_DRAFT_2020_12, JS_HOLDS_ONE,
                              JS_APPLICATOR},
    [JS_KW_RECURSIVE_REF] = {"$recursiveRef", JS_DRAFT_2019_09, JS_DRAFT_2019_09, JS_HOLDS_NOTHING,
                             JS_CORE},
    [JS_KW_REF] = {"$ref", JS_DRAFT_4, JS_DRAFT_2020_12, JS_HOLDS_NOTHING, JS_CORE},
    [JS_KW_REQUIRED] = {"required", JS_DRAFT_4, JS_DRAFT_2020_12, JS_HOLDS_NOTHING, JS_VALIDATION},
    [JS_KW_THEN] = {"then", JS_DRAFT_7, JS_DRAFT_2020_12, JS_HOLDS_ONE, JS_APPLICATOR},
    [JS_KW_TYPE] = {"type", JS_DRAFT_4, JS_DRAFT_2020_12, JS_HOLDS_NOTHING, JS_VALIDATION},
    [JS_KW_UNEVALUATED_ITEMS] = {"unevaluatedItems", JS_DRAFT_2019_09, JS_DRAFT_2020_12,
                                 JS_HOLDS_ONE, JS_UNEVALUATED},
    [JS_KW_UNEVALUATED_PROPERTIES] = {"unevaluatedProperties", JS_DRAFT_2019_09, JS_DRAFT_2020_12,
                                      JS_HOLDS_ONE, JS_UNEVALUATED},
    [JS_KW_UNIQUE_ITEMS] = {"uniqueItems", JS_DRAFT_4, JS_DRAFT_2020_12, JS_HOLDS_NOTHING,
                            JS_VALIDATION},
};

static bool is(struct mq_bytes text, const char *what)
{
	return text.len == strlen(what) && memcmp(text.data, what, text.len) == 0;
}

enum js_keyword js_keyword_find(struct mq_bytes name, struct js_dialect dialect,
                                enum js_holds *ret_holds)
{
	for (unsigned i = JS_KW_NONE + 1; i < JS_N_KEYWORDS; i++) {
		if (!is(name, keywords[i].name))
			continue;
		if (dialect.draft < keywords[i].since || dialect.draft > keywords[i].until ||
		    !(dialect.vocabularies & keywords[i].vocabulary))
			return JS_KW_NONE;
		if (ret_holds)
			*ret_holds = i == JS_KW_ITEMS && dialect.draft == JS_DRAFT_2020_12
			                 ? JS_HOLDS_ONE
			                 : keywords[i].holds;
		return (enum js_keyword)i;
	}
	return JS_KW_NONE;
}

const char *js_keyword_name(enum js_keyword keyword)
{
	return keyword == JS_KW_NONE ? "" : keywords[keyword].name;
}

/* --- names of drafts and vocabularies --------------------------------------------------------- */

static const struct {
	enum js_draft draft;
	const char *name, *meta_schema, *vocabularies;
} drafts[] = {
    {JS_DRAFT_4, "4", "http://json-schema.org/draft-04/schema", NULL},
    {JS_DRAFT_6, "6", "http://json-schema.org/draft-06/schema", NULL},
    {JS_DRAFT_7, "7", "http://json-schema.org/draft-07/schema", NULL},
    {JS_DRAFT_2019_09, "2019-09", "https://json-schema.org/draft/2019-09/schema",
     "https://json-schema.org/draft/2019-09/vocab/"},
    {JS_DRAFT_2020_12, "2020-12", "https://json-schema.org/draft/2020-12/schema",
     "https://json-schema.org/draft/2020-12/vocab/"},
};
enum { N_DRAFTS = sizeof drafts / sizeof *drafts };

/* What stands behind http:// or https://: many schemas have the other one of the two. */
static struct mq_bytes without_scheme(struct mq_bytes uri)
{
	size_t n = uri.len > 4 && uri.data[4] == 's' ? strlen("https://") : strlen("http://");

	if (uri.len > n && memcmp(uri.data, n == 7 ? "http://" : "https://", n) == 0)
		return mq_bytes_of(uri.data + n, uri.len - n);
	return uri;
}

/* Is it this URI, but for the scheme and a final '#'? */
static bool is_uri(struct mq_bytes uri, const char *other)
{
	if (uri.len > 0 && uri.data[uri.len - 1] == '#')
		uri.len--;
	return mq_bytes_equal(without_scheme(uri), without_scheme(mq_bytes_str(other)));
}

enum js_draft js_draft_of(struct mq_bytes uri)
{
	for (size_t i = 0; i < N_DRAFTS; i++)
		if (is_uri(uri, drafts[i].meta_schema))
			return drafts[i].draft;
	/* Draft 5 changed only how it is written down. */
	return is_uri(uri, "http://json-schema.org/draft-05/schema") ? JS_DRAFT_4 : JS_DRAFT_NONE;
}

bool js_draft_any(struct mq_bytes uri)
{
	return is_uri(uri, "http://json-schema.org/schema");
}

int js_draft_too_old(struct mq_bytes uri)
{
	static const char *const old[] = {
	    "http://json-schema.org/draft-00/schema",
	    "http://json-schema.org/draft-01/schema",
	    "http://json-schema.org/draft-02/schema",
	    "http://json-schema.org/draft-03/schema",
	};

	for (int i = 0; i < (int)(sizeof old / sizeof *old); i++)
		if (is_uri(uri, old[i]))
			return i;
	return -1;
}

const char *js_draft_schema(enum js_draft draft)
{
	return drafts[draft - JS_DRAFT_4].meta_schema;
}

enum js_draft js_draft_named(const char *name)
{
	for (size_t i = 0; i < N_DRAFTS; i++)
		if (strcmp(name, drafts[i].name) == 0)
			return drafts[i].draft;
	return JS_DRAFT_NONE;
}

unsigned js_vocabulary_of(struct mq_bytes uri)
{
	static const struct {
		const char *name;
		unsigned bits[2]; /* in 2019-09 and 2020-12 */
	} names[] = {
	    {"core", {JS_CORE, JS_CORE}},
	    {"applicator", {JS_APPLICATOR | JS_UNEVALUATED, JS_APPLICATOR}},
	    {"unevaluated", {0, JS_UNEVALUATED}},
	    {"validation", {JS_VALIDATION, JS_VALIDATION}},
	    {"format", {JS_FORMAT, 0}},
	    {"format-annotation", {0, JS_FORMAT}},
	    {"format-assertion", {0, JS_FORMAT_ASSERTION}},
	    {"content", {JS_CONTENT, JS_CONTENT}},
	    {"meta-data", {JS_META_DATA, JS_META_DATA}},
	};

	for (size_t d = 3; d < N_DRAFTS; d++) {
		size_t len = strlen(drafts[d].vocabularies);
		if (uri.len <= len || memcmp(uri.data, drafts[d].vocabularies, len) != 0)
			continue;
		for (size_t i = 0; i < sizeof names / sizeof *names; i++)
			if (is(mq_bytes_of(uri.data + len, uri.len - len), names[i].name))
				return names[i].bits[d - 3];
	}
	return 0;
}

/*
 * Regular expressions by PCRE2: see mqtk/pattern.h.
 *
 * As with libcurl only the headers are compiled against, and the library is loaded at its first
 * use: most runs have no --grep, and linking it adds a tenth to the start of the program.
 */
#include "mqtk/pattern.h"

#include <stdio.h>
#include <stdlib.h>

#ifdef MQ_WITH_pcre2

#include "core/library.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

/* Of one match: steps, depth of backtracking, KiB of memory. */
#define MATCH_LIMIT 1000000
#define DEPTH_LIMIT 10000
#define HEAP_LIMIT 65536
/* Bytes of an expression in a message. */
#define SHOWN 120

/* --- the library ----------------------------------------------------------------------------- */

#define FUNCTIONS(X)                                                                               \
	X(compile)                                                                                 \
	X(jit_compile)                                                                             \
	X(code_free)                                                                               \
	X(match)                                                                                   \
	X(match_data_create)                                                                       \
	X(match_data_free)                                                                         \
	X(match_context_create)                                                                    \
	X(match_context_free)                                                                      \
	X(set_match_limit)                                                                         \
	X(set_depth_limit)                                                                         \
	X(set_heap_limit)                                                                          \
	X(get_error_message)

#define PASTE(name, suffix) pcre2_##name##suffix
#define FUNCTION_OF(name, suffix) PASTE(name, suffix)
#define DECLARE(name) __typeof__(FUNCTION_OF(name, _8)) *(name);
static struct {
	FUNCTIONS(DECLARE)
} pcre2;

#define ROW(called) {.name = "pcre2_" #called "_8", .place = &pcre2.called},
static const struct mq_symbol symbols[] = {FUNCTIONS(ROW)};

static struct mq_library library = {
    .file = "libpcre2-8.so.0",
    .purpose = "matching regular expressions",
    .install = "PCRE2 (the package libpcre2-8-0 on Debian and Ubuntu)",
    MQ_SYMBOLS(symbols),
};

/* --- patterns -------------------------------------------------------------------------------- */

struct mq_pattern {
	pcre2_code_8 *code;
	pcre2_match_data_8 *data;
	pcre2_match_context_8 *context;
	uint32_t options; /* of each match */
};

/* origin: what text was made of, which is what messages show. */
static struct mq_pattern *compile(struct mq_bytes text, struct mq_bytes origin, uint32_t options,
                                  struct mq_err *err)
{
	PCRE2_UCHAR8 words[200];
	PCRE2_SIZE place;
	int code;

	if (mq_library_load(&library, err) < 0)
		return NULL;
	struct mq_pattern *pattern = calloc(1, sizeof *pattern);
	if (!pattern)
		return mq_fail_memory(err), NULL;
	pattern->code =
	    pcre2.compile((PCRE2_SPTR8)text.data, text.len, options, &code, &place, NULL);
	if (!pattern->code) {
		pcre2.get_error_message(code, words, sizeof words);
		size_t shown = origin.len < SHOWN ? origin.len : SHOWN;
		char where[40] = "";
		while (shown < origin.len && ((unsigned char)origin.data[shown] & 0xc0) == 0x80)
			shown--;
		/* The place is one in text. */
		if (mq_bytes_equal(text, origin))
			snprintf(where, sizeof where, " at character %zu", (size_t)place + 1);
		/* A text comes from a file, the other kind from the command line. */
		mq_fail(err, options & PCRE2_UTF ? MQ_DATA : MQ_USAGE,
		        "'%.*s' is no regular expression: %s%s", (int)shown, origin.data,
		        (const char *)words, where);
		goto fail;
	}
	pattern->data = pcre2.match_data_create(1, NULL);
	pattern->context = pcre2.match_context_create(NULL);
	if (!pattern->data || !pattern->context) {
		mq_fail_memory(err);
		goto fail;
	}
	pcre2.set_match_limit(pattern->context, MATCH_LIMIT);
	pcre2.set_depth_limit(pattern->context, DEPTH_LIMIT);
	pcre2.set_heap_limit(pattern->context, HEAP_LIMIT);
	return pattern;
fail:
	mq_pattern_free(pattern);
	return NULL;
}

int mq_pattern_new(const char *text, struct mq_pattern **ret_pattern, struct mq_err *err)
{
	*ret_pattern = compile(mq_bytes_str(text), mq_bytes_str(text), PCRE2_NEVER_UTF, err);
	return *ret_pattern ? 0 : -1;
}

int mq_pattern_new_text(struct mq_bytes text, struct mq_bytes origin,
                        struct mq_pattern **ret_pattern, struct mq_err *err)
{
	*ret_pattern = compile(text, origin,
	                       PCRE2_UTF | PCRE2_DOLLAR_ENDONLY | PCRE2_ALLOW_EMPTY_CLASS |
	                           PCRE2_MATCH_UNSET_BACKREF,
	                       err);
	if (!*ret_pattern)
		return -1;
	/* Without it the pattern is interpreted: slower, and nothing else. */
	pcre2.jit_compile((*ret_pattern)->code, PCRE2_JIT_COMPLETE);
	(*ret_pattern)->options = PCRE2_NO_UTF_CHECK;
	return 0;
}

void mq_pattern_free(struct mq_pattern *pattern)
{
	if (!pattern)
		return;
	pcre2.match_context_free(pattern->context);
	pcre2.match_data_free(pattern->data);
	pcre2.code_free(pattern->code);
	free(pattern);
}

int mq_pattern_matches(const struct mq_pattern *pattern, struct mq_bytes bytes, struct mq_err *err)
{
	PCRE2_UCHAR8 words[200];

	if (!bytes.data)
		return 0;
	int got = pcre2.match(pattern->code, (PCRE2_SPTR8)bytes.data, bytes.len, 0,
	                      pattern->options, pattern->data, pattern->context);
	if (got == PCRE2_ERROR_JIT_STACKLIMIT)
		got = pcre2.match(pattern->code, (PCRE2_SPTR8)bytes.data, bytes.len, 0,
		                  pattern->options | PCRE2_NO_JIT, pattern->data, pattern->context);
	if (got >= 0)
		return 1;
	if (got == PCRE2_ERROR_NOMATCH)
		return 0;
	pcre2.get_error_message(got, words, sizeof words);
	mq_fail(err, MQ_DATA,
	        "the regular expression is too much work for a message of %zu bytes: %s", bytes.len,
	        (const char *)words);
	return mq_hint(err, "a simpler expression, without nested repetitions, is what helps");
}

#else

int mq_pattern_new(const char *text, struct mq_pattern **ret_pattern, struct mq_err *err)
{
	(void)text;
	*ret_pattern = NULL;
	mq_fail(err, MQ_USAGE, "this mqtk was built without PCRE2, which regular expressions need");
	return mq_hint(err, "'scripts/deps.sh build' installs it; then build again");
}

int mq_pattern_new_text(struct mq_bytes text, struct mq_bytes origin,
                        struct mq_pattern **ret_pattern, struct mq_err *err)
{
	(void)text;
	(void)origin;
	return mq_pattern_new("", ret_pattern, err);
}

void mq_pattern_free(struct mq_pattern *pattern)
{
	(void)pattern;
}

int mq_pattern_matches(const struct mq_pattern *pattern, struct mq_bytes bytes, struct mq_err *err)
{
	(void)pattern, (void)bytes;
	return mq_fail(err, MQ_INTERNAL, "there are no regular expressions");
}

#endif

/* Names of dead-letter streams: see dead_names.h. */
#include "cmd/dlq/dead_names.h"

#include <ctype.h>
#include <strings.h>

enum { WORDS_MAX = 64 };

struct word {
	const char *at;
	size_t len;
};

static bool is_separator(char c)
{
	return c == '.' || c == '-' || c == '_' || c == '/' || c == ':' || c == ' ';
}

/* A new word begins where ordersDLQ has its D. */
static bool begins(const char *name, const char *at)
{
	return at > name && isupper((unsigned char)at[0]) &&
	       (islower((unsigned char)at[-1]) || isdigit((unsigned char)at[-1]));
}

static size_t split(const char *name, struct word *words)
{
	size_t n = 0;

	for (const char *at = name; *at && n < WORDS_MAX;) {
		if (is_separator(*at)) {
			at++;
			continue;
		}
		const char *end = at + 1;
		while (*end && !is_separator(*end) && !begins(name, end))
			end++;
		words[n++] = (struct word){at, (size_t)(end - at)};
		at = end;
	}
	return n;
}

static bool is_one_of(const struct word *word, const char *const *texts)
{
	for (size_t i = 0; texts[i]; i++)
		if (strlen(texts[i]) == word->len &&
		    strncasecmp(texts[i], word->at, word->len) == 0)
			return true;
	return false;
}

/* How many words from i on say it; 0: none. */
static size_t say_dead(const struct word *words, size_t n, size_t i)
{
	static const char *const anywhere[] = {"dlq",         "dlt",        "dlx", "deadletter",
	                                       "deadletters", "parkinglot", NULL};
	static const char *const dead[] = {"dead", NULL}, *const parking[] = {"parking", NULL};
	static const char *const letter[] = {"letter", "letters", NULL};
	static const char *const lot[] = {"lot", NULL};
	static const char *const at_end[] = {"dead", "error", "errors", "poison", NULL};

	if (is_one_of(&words[i], anywhere))
		return 1;
	if (i + 1 < n && ((is_one_of(&words[i], dead) && is_one_of(&words[i + 1], letter)) ||
	                  (is_one_of(&words[i], parking) && is_one_of(&words[i + 1], lot))))
		return 2;
	return i + 1 == n && is_one_of(&words[i], at_end);
}

bool dead_name(const char *name, struct mq_bytes *ret_origin)
{
	static const char *const kinds[] = {"queue", "topic", "stream", "exchange", NULL};
	struct word words[WORDS_MAX];
	size_t n = split(name, words), i = 0, said = 0;

	*ret_origin = MQ_ABSENT;
	while (i < n && (said = say_dead(words, n, i)) == 0)
		i++;
	if (said == 0)
		return false;
	size_t behind = i + said;
	if (behind < n && is_one_of(&words[behind], kinds))
		behind++;
	if (behind == n && i > 0)
		*ret_origin =
		    mq_bytes_of(name, (size_t)(words[i - 1].at + words[i - 1].len - name));
	else if (i == 0 && behind < n)
		*ret_origin = mq_bytes_str(words[behind].at);
	return true;
}

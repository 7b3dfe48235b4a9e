/*
 * ECMA-262 to PCRE2. The two agree on most; what differs is written anew: white space, '.', escapes
 * of characters, names of Unicode properties, brackets within a class. What ECMA-262 does not have
 * is refused, so that a pattern means the same here as elsewhere.
 */
#include "schema/json/regex.h"

#include <ctype.h>

/* White space of ECMA-262: its WhiteSpace and LineTerminator. */
#define SPACES                                                                                     \
	"\\x{9}-\\x{d}\\x{20}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}"       \
	"\\x{205f}\\x{3000}\\x{feff}"
#define NO_SPACES                                                                                  \
	"\\x{0}-\\x{8}\\x{e}-\\x{1f}\\x{21}-\\x{9f}\\x{a1}-\\x{167f}\\x{1681}-\\x{1fff}"           \
	"\\x{200b}-\\x{2027}\\x{202a}-\\x{202e}\\x{2030}-\\x{205e}\\x{2060}-\\x{2fff}"             \
	"\\x{3001}-\\x{d7ff}\\x{e000}-\\x{fefe}\\x{ff00}-\\x{10ffff}"
#define LINE_ENDS "\\n\\r\\x{2028}\\x{2029}"

enum {
	SHOWN = 120, /* bytes of an expression in a message */
};

struct translation {
	const char *begin, *p, *end;
	struct mq_buf out;
	bool in_class;
	struct mq_err *err;
};

static int refuse(const struct translation *t, const char *why)
{
	size_t len = (size_t)(t->end - t->begin), shown = len < SHOWN ? len : SHOWN;

	while (shown < len && ((unsigned char)t->begin[shown] & 0xc0) == 0x80)
		shown--;
	return mq_fail(t->err, MQ_DATA, "'%.*s' is no regular expression of ECMA-262: %s",
	               (int)shown, t->begin, why);
}

static int put(struct translation *t, const char *text)
{
	return mq_buf_append_str(&t->out, text, t->err);
}

static int put_character(struct translation *t, unsigned long c)
{
	if (c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return refuse(t, "an escape that is no character");
	return mq_buf_printf(&t->out, t->err, "\\x{%lx}", c);
}

/* n hexadecimal digits at t->p, or -1. */
static long hexadecimal(struct translation *t, size_t n)
{
	long value = 0;

	if ((size_t)(t->end - t->p) < n)
		return -1;
	for (size_t i = 0; i < n; i++) {
		char c = t->p[i];
		if (!isxdigit((unsigned char)c))
			return -1;
		value = value * 16 + (isdigit((unsigned char)c) ? c - '0' : (c | 0x20) - 'a' + 10);
	}
	t->p += n;
	return value;
}

/* \uXXXX, \uXXXX\uXXXX (two halves of one character), \u{X…}; t->p is behind the u. */
static int unicode(struct translation *t)
{
	long c, low;

	if (t->p < t->end && *t->p == '{') {
		const char *close = memchr(t->p, '}', (size_t)(t->end - t->p));
		t->p++;
		if (!close || close == t->p || close - t->p > 6 ||
		    (c = hexadecimal(t, (size_t)(close - t->p))) < 0)
			return refuse(t, "\\u{…} takes one to six hexadecimal digits");
		t->p++;
		return put_character(t, (unsigned long)c);
	}
	if ((c = hexadecimal(t, 4)) < 0)
		return refuse(t, "\\u takes four hexadecimal digits");
	if (c >= 0xd800 && c < 0xdc00 && t->end - t->p >= 6 && t->p[0] == '\\' && t->p[1] == 'u') {
		t->p += 2;
		low = hexadecimal(t, 4);
		if (low < 0xdc00 || low > 0xdfff)
			return refuse(t, "half of a surrogate pair");
		c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
	}
	return put_character(t, (unsigned long)c);
}

/* \p{…} and \P{…}: PCRE2 knows the short names of categories, and scripts. */
static int property(struct translation *t, char which)
{
	static const struct {
		const char *name, *here;
	} names[] = {
	    {"Letter", "L"},
	    {"Cased_Letter", "L&"},
	    {"LC", "L&"},
	    {"Uppercase_Letter", "Lu"},
	    {"Lowercase_Letter", "Ll"},
	    {"Titlecase_Letter", "Lt"},
	    {"Modifier_Letter", "Lm"},
	    {"Other_Letter", "Lo"},
	    {"Mark", "M"},
	    {"Combining_Mark", "M"},
	    {"Nonspacing_Mark", "Mn"},
	    {"Spacing_Mark", "Mc"},
	    {"Enclosing_Mark", "Me"},
	    {"Number", "N"},
	    {"Decimal_Number", "Nd"},
	    {"digit", "Nd"},
	    {"Letter_Number", "Nl"},
	    {"Other_Number", "No"},
	    {"Punctuation", "P"},
	    {"punct", "P"},
	    {"Connector_Punctuation", "Pc"},
	    {"Dash_Punctuation", "Pd"},
	    {"Open_Punctuation", "Ps"},
	    {"Close_Punctuation", "Pe"},
	    {"Initial_Punctuation", "Pi"},
	    {"Final_Punctuation", "Pf"},
	    {"Other_Punctuation", "Po"},
	    {"Symbol", "S"},
	    {"Math_Symbol", "Sm"},
	    {"Currency_Symbol", "Sc"},
	    {"Modifier_Symbol", "Sk"},
	    {"Other_Symbol", "So"},
	    {"Separator", "Z"},
	    {"Space_Separator", "Zs"},
	    {"Line_Separator", "Zl"},
	    {"Paragraph_Separator", "Zp"},
	    {"Other", "C"},
	    {"Control", "Cc"},
	    {"cntrl", "Cc"},
	    {"Format", "Cf"},
	    {"Surrogate", "Cs"},
	    {"Private_Use", "Co"},
	    {"Unassigned", "Cn"},
	};
	static const char *const prefixes[] = {
	    "General_Category=", "gc=", "Script=", "sc=", "Script_Extensions=", "scx="};
	const char *close =
	    t->p < t->end && *t->p == '{' ? memchr(t->p, '}', (size_t)(t->end - t->p)) : NULL;

	if (!close)
		return refuse(t, "\\p takes the name of a property in braces");
	struct mq_bytes name = mq_bytes_of(t->p + 1, (size_t)(close - t->p - 1));
	t->p = close + 1;
	for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
		size_t len = strlen(prefixes[i]);
		if (name.len > len && memcmp(name.data, prefixes[i], len) == 0) {
			name = mq_bytes_of(name.data + len, name.len - len);
			break;
		}
	}
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (mq_bytes_equal(name, mq_bytes_str(names[i].name)))
			name = mq_bytes_str(names[i].here);
	return mq_buf_printf(&t->out, t->err, "\\%c{%.*s}", which, (int)name.len, name.data);
}

static int white_space(struct translation *t, bool negated)
{
	if (t->in_class)
		return put(t, negated ? NO_SPACES : SPACES);
	return put(t, negated ? "[^" SPACES "]" : "[" SPACES "]");
}

/* t->p is behind the backslash. */
static int escape(struct translation *t)
{
	if (t->p == t->end)
		return refuse(t, "a '\\' at the end");
	char c = *t->p++;
	switch (c) {
	case 's':
	case 'S':
		return white_space(t, c == 'S');
	case 'u':
		return unicode(t);
	case 'p':
	case 'P':
		return property(t, c);
	case 'x': {
		long value = hexadecimal(t, 2);
		return value < 0 ? refuse(t, "\\x takes two hexadecimal digits")
		                 : put_character(t, (unsigned long)value);
	}
	case 'c':
		if (t->p == t->end || !isalpha((unsigned char)*t->p))
			return refuse(t, "\\c takes a letter");
		return put_character(t, (unsigned long)(*t->p++ & 0x1f));
	case '0':
		if (t->p < t->end && isdigit((unsigned char)*t->p))
			return refuse(t, "an octal escape");
		return put(t, "\\x{0}");
	case 'b':
		return put(t, t->in_class ? "\\x{8}" : "\\b");
	case 'v':
		return put(t, "\\x{b}");
	case 'B':
	case 'k':
		if (t->in_class)
			return refuse(t, "an escape that no class may have");
		/* fall through */
	case 'd':
	case 'D':
	case 'w':
	case 'W':
	case 'f':
	case 'n':
	case 'r':
	case 't': {
		char text[] = {'\\', c, '\0'};
		return put(t, text);
	}
	default:
		break;
	}
	if (isalpha((unsigned char)c))
		return refuse(t, "an escape that it does not have");
	char text[] = {'\\', c, '\0'};
	/* A character of several bytes needs no backslash. */
	return put(t, (unsigned char)c < 0x80 ? text : text + 1);
}

/* What may stand behind '(': a group of ECMA-262. t->p is behind the bracket. */
static int group(struct translation *t)
{
	static const char *const kinds[] = {"?:", "?=", "?!", "?<=", "?<!"};
	size_t left = (size_t)(t->end - t->p);

	if (left > 0 && *t->p == '*')
		return refuse(t, "there is nothing that '*' could repeat");
	if (left == 0 || *t->p != '?')
		return put(t, "(");
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (left >= strlen(kinds[i]) && memcmp(t->p, kinds[i], strlen(kinds[i])) == 0)
			return put(t, "(");
	if (left > 2 && t->p[1] == '<' && (isalpha((unsigned char)t->p[2]) || t->p[2] == '_'))
		return put(t, "(");
	return refuse(t, "a group that it does not have");
}

static int one(struct translation *t)
{
	char c = *t->p++;

	if (c == '\\')
		return escape(t);
	if (t->in_class) {
		t->in_class = c != ']';
		/* Neither [:alpha:] nor nested classes are known there. */
		return c == '[' ? put(t, "\\[") : mq_buf_append_char(&t->out, c, t->err);
	}
	if (c == '.')
		return put(t, "[^" LINE_ENDS "]");
	if (c == '(')
		return group(t);
	t->in_class = c == '[';
	if (t->in_class && t->p < t->end && *t->p == '^') {
		t->p++;
		return put(t, "[^");
	}
	return mq_buf_append_char(&t->out, c, t->err);
}

int js_regex_new(struct mq_bytes text, struct mq_pattern **ret, struct mq_err *err)
{
	struct translation t = {
	    .begin = text.data, .p = text.data, .end = text.data + text.len, .err = err};
	int result = 0;

	*ret = NULL;
	mq_buf_init(&t.out, (size_t)1 << 24);
	while (t.p < t.end && result == 0)
		result = one(&t);
	if (result == 0)
		result = mq_pattern_new_text(mq_bytes_of(t.out.data ? t.out.data : "", t.out.len),
		                             text, ret, err);
	mq_buf_release(&t.out);
	return result;
}

/* The error value: see mqtk/error.h for the contract. Formatting happens on the stack. */
#include "mqtk/error.h"
#include "mqtk/bytes.h"

#include <stdio.h>
#include <string.h>

/* The functions themselves, not what callers see. */
#undef mq_fail
#undef mq_fail_memory
#undef mq_fail_errno
#undef mq_hint

/* Makes text safe to print on a terminal and cuts a UTF-8 sequence that was torn at the end. */
static void make_printable(char *text, size_t size, bool cut)
{
	size_t len = strlen(text);

	mq_tame(text, len);
	if (!cut || len == 0)
		return;
	size_t start = len;
	while (start > 0 && ((unsigned char)text[start - 1] & 0xc0) == 0x80)
		start--;
	if (start > 0 && (unsigned char)text[start - 1] >= 0xc0)
		start--;
	if (!mq_utf8_valid(mq_bytes_of(text + start, len - start)))
		text[start] = '\0';
	len = strlen(text);
	if (len + 4 <= size)
		memcpy(text + len, "…", sizeof "…");
}

__attribute__((format(printf, 3, 0))) static void format_line(char *ret, size_t size,
                                                              const char *fmt, va_list args)
{
	int n = vsnprintf(ret, size, fmt, args);

	if (n < 0)
		ret[0] = '\0';
	bool cut = n >= 0 && (size_t)n >= size;
	if (cut)
		ret[size - 5] = '\0'; /* room for the ellipsis */
	make_printable(ret, size, cut);
}

int mq_vfail(struct mq_err *err, enum mq_code code, const char *fmt, va_list args)
{
	if (err && err->code == MQ_OK) {
		err->code = code;
		format_line(err->message, sizeof err->message, fmt, args);
	}
	return -1;
}

int mq_fail(struct mq_err *err, enum mq_code code, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	mq_vfail(err, code, fmt, args);
	va_end(args);
	return -1;
}

int mq_fail_memory(struct mq_err *err)
{
	return mq_fail(err, MQ_INTERNAL, "out of memory");
}

int mq_fail_errno(struct mq_err *err, enum mq_code code, int errnum, const char *fmt, ...)
{
	char what[sizeof((struct mq_err *)0)->message - 80];
	va_list args;

	va_start(args, fmt);
	format_line(what, sizeof what, fmt, args);
	va_end(args);
	return mq_fail(err, code, "%s: %s", what, strerror(errnum));
}

int mq_hint(struct mq_err *err, const char *fmt, ...)
{
	if (err && err->code != MQ_OK && err->hint[0] == '\0') {
		va_list args;

		va_start(args, fmt);
		format_line(err->hint, sizeof err->hint, fmt, args);
		va_end(args);
	}
	return -1;
}

void mq_err_clear(struct mq_err *err)
{
	*err = (struct mq_err)MQ_ERR_INIT;
}

/* Text on a terminal: see display.h. */
#include "format/display.h"
#include "mqtk/report.h"

/* The length of the UTF-8 sequence at s, or 0 when there is no valid one. */
static size_t sequence(const char *s, size_t left)
{
	for (size_t n = 1; n <= 4 && n <= left; n++)
		if (mq_utf8_valid(mq_bytes_of(s, n)))
			return n;
	return 0;
}

static uint32_t code_point(const char *s, size_t n)
{
	uint32_t c = (unsigned char)s[0];

	if (n > 1)
		c &= 0x7fu >> n;
	for (size_t i = 1; i < n; i++)
		c = c << 6 | ((unsigned char)s[i] & 0x3f);
	return c;
}

/* True for what moves the cursor or turns the writing around: C0, DEL, C1, bidirectional
 * controls, line and paragraph separators. */
static bool is_harmful(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x200e || c == 0x200f ||
	       (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

/* Columns on a terminal, roughly: combining marks 0, East Asian wide and emoji 2. Not wcwidth,
 * which depends on the locale. */
static size_t cell_width(uint32_t c)
{
	static const struct {
		uint32_t first, last;
		size_t width;
	} ranges[] = {
	    {0x0300, 0x036f, 0},   {0x200b, 0x200d, 0},   {0x20d0, 0x20ff, 0},
	    {0xfe00, 0xfe0f, 0},   {0x1100, 0x115f, 2},   {0x2e80, 0x303e, 2},
	    {0x3041, 0xa4cf, 2},   {0xac00, 0xd7a3, 2},   {0xf900, 0xfaff, 2},
	    {0xfe30, 0xfe6f, 2},   {0xff00, 0xff60, 2},   {0xffe0, 0xffe6, 2},
	    {0x1f300, 0x1f64f, 2}, {0x1f680, 0x1f6ff, 2}, {0x1f900, 0x1f9ff, 2},
	    {0x20000, 0x3fffd, 2},
	};

	for (size_t i = 0; c >= 0x300 && i < sizeof ranges / sizeof ranges[0]; i++)
		if (c >= ranges[i].first && c <= ranges[i].last)
			return ranges[i].width;
	return 1;
}

void mq_display_clean(char *text)
{
	size_t len = strlen(text), out = 0;

	for (size_t i = 0, n; i < len; i += n) {
		n = sequence(text + i, len - i);
		if (n == 0 || is_harmful(code_point(text + i, n))) {
			n = n == 0 ? 1 : n;
			text[out++] = '?';
		} else {
			memmove(text + out, text + i, n);
			out += n;
		}
	}
	text[out] = '\0';
}

size_t mq_display_width(const char *text)
{
	size_t len = strlen(text), width = 0;

	for (size_t i = 0, n; i < len; i += n) {
		n = sequence(text + i, len - i);
		n = n == 0 ? 1 : n;
		width += cell_width(code_point(text + i, n));
	}
	return width;
}

int mq_line_clip(const char *text, size_t len, size_t columns, struct mq_buf *buf,
                 struct mq_err *err)
{
	size_t at = 0;

	while (at < len) {
		size_t n = sequence(text + at, len - at), width = 0;
		if (text[at] == '\033') {
			while (at + n < len && text[at + n - 1] != 'm')
				n++;
		} else {
			width = n == 0 ? 1 : cell_width(code_point(text + at, n));
			n = n == 0 ? 1 : n;
		}
		if (width > columns)
			break;
		columns -= width;
		at += n;
	}
	return mq_buf_append(buf, text, at, err);
}

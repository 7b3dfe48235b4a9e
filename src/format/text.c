/* Whole numbers as decimal text, two digits at a time: see text.h. */
#include "format/text.h"

static const char pairs[] = "00010203040506070809"
                            "10111213141516171819"
                            "20212223242526272829"
                            "30313233343536373839"
                            "40414243444546474849"
                            "50515253545556575859"
                            "60616263646566676869"
                            "70717273747576777879"
                            "80818283848586878889"
                            "90919293949596979899";

void mq_put_i64(struct mq_buf *buf, int64_t value)
{
	char text[MQ_I64_TEXT];
	char *p = text + sizeof text;
	uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

	while (rest >= 100) {
		p -= 2;
		memcpy(p, pairs + rest % 100 * 2, 2);
		rest /= 100;
	}
	if (rest >= 10) {
		p -= 2;
		memcpy(p, pairs + rest * 2, 2);
	} else {
		*--p = (char)('0' + rest);
	}
	if (value < 0)
		*--p = '-';
	mq_put(buf, p, (size_t)(text + sizeof text - p));
}

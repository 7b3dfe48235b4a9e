/* Fields out of bytes, which are trusted with nothing: see model.h. */
#include "schema/protobuf/model.h"

/* To behind the end of a group; ret_end is before it. */
static const char *skip_group(struct pb_input *in, uint32_t number, const unsigned char **ret_end)
{
	uint32_t open[PB_DEPTH];
	unsigned depth = 0;
	uint64_t tag, value;

	open[depth++] = number;
	for (;;) {
		*ret_end = in->p;
		if (!pb_take_varint(in, &tag))
			return "a group that does not end";
		if (tag >> 3 == 0 || tag >> 3 > 0x1fffffff)
			return "a field number that cannot be";
		switch (tag & 7) {
		case PB_VARINT:
			if (!pb_take_varint(in, &value))
				return "a number that is cut or too long";
			break;
		case PB_I64:
		case PB_I32:
			if (in->end - in->p < ((tag & 7) == PB_I64 ? 8 : 4))
				return "a number that is cut";
			in->p += (tag & 7) == PB_I64 ? 8 : 4;
			break;
		case PB_LEN:
			if (!pb_take_varint(in, &value) || value > (uint64_t)(in->end - in->p))
				return "a length beyond the end";
			in->p += value;
			break;
		case PB_SGROUP:
			if (depth == PB_DEPTH)
				return "groups that nest too deep";
			open[depth++] = (uint32_t)(tag >> 3);
			break;
		case PB_EGROUP:
			if (open[--depth] != (uint32_t)(tag >> 3))
				return "the end of a group that was not begun";
			if (depth == 0)
				return NULL;
			break;
		default:
			return "a wire type that there is not";
		}
	}
}

static uint64_t little_endian(const unsigned char *p, unsigned n)
{
	uint64_t value = 0;

	while (n > 0)
		value = value << 8 | p[--n];
	return value;
}

const char *pb_take(struct pb_input *in, struct pb_piece *ret)
{
	uint64_t tag, len;
	const unsigned char *begin, *end;

	if (!pb_take_varint(in, &tag))
		return "a field's tag that is cut or too long";
	if (tag >> 3 == 0 || tag >> 3 > 0x1fffffff)
		return "a field number that cannot be";
	ret->number = (uint32_t)(tag >> 3);
	ret->wire = tag & 7;
	ret->bytes = MQ_ABSENT;
	switch (tag & 7) {
	case PB_VARINT:
		return pb_take_varint(in, &ret->value) ? NULL : "a number that is cut or too long";
	case PB_I64:
	case PB_I32:
		len = ret->wire == PB_I64 ? 8 : 4;
		if ((uint64_t)(in->end - in->p) < len)
			return "a number that is cut";
		ret->value = little_endian(in->p, (unsigned)len);
		in->p += len;
		return NULL;
	case PB_LEN:
		if (!pb_take_varint(in, &len) || len > (uint64_t)(in->end - in->p))
			return "a length beyond the end";
		ret->bytes = mq_bytes_of(in->p, (size_t)len);
		in->p += len;
		return NULL;
	case PB_SGROUP:
		begin = in->p;
		const char *wrong = skip_group(in, ret->number, &end);
		ret->bytes = mq_bytes_of(begin, wrong ? 0 : (size_t)(end - begin));
		return wrong;
	case PB_EGROUP:
		return "the end of a group that was not begun";
	default:
		return "a wire type that there is not";
	}
}

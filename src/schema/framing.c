/* What names a payload's schema: see framing.h. */
#include "schema/framing.h"
#include "schema/avro/single.h"

#include <stdio.h>

enum { MAGIC_ID = 0, MAGIC_GUID = 1 };

static const char container_magic[4] = {'O', 'b', 'j', 1};

const char *mq_frame_header(enum mq_codec_part part)
{
	return part == MQ_CODEC_KEY ? MQ_KEY_SCHEMA_HEADER : MQ_VALUE_SCHEMA_HEADER;
}

struct mq_bytes mq_frame_find_header(const struct mq_message *message, enum mq_codec_part part)
{
	struct mq_bytes name = mq_bytes_str(mq_frame_header(part));

	for (size_t i = message->n_headers; i > 0; i--)
		if (mq_bytes_equal(message->headers[i - 1].name, name))
			return message->headers[i - 1].value;
	return MQ_ABSENT;
}

/* 0x00 and an id, or 0x01 and a GUID: 1 and *rest is behind it, 0 when it is neither. */
static int take_id(struct mq_bytes bytes, struct mq_frame *frame, struct mq_bytes *rest)
{
	const unsigned char *at = (const unsigned char *)bytes.data;
	size_t size = MQ_FRAME_CONFLUENT_SIZE;

	if (bytes.len >= MQ_FRAME_CONFLUENT_SIZE && at[0] == MAGIC_ID) {
		uint32_t id =
		    (uint32_t)at[1] << 24 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 8 | at[4];
		if (id > INT32_MAX)
			return 0;
		frame->framing = MQ_FRAMING_CONFLUENT;
		frame->id = (int32_t)id;
	} else if (bytes.len >= MQ_FRAME_GUID_SIZE && at[0] == MAGIC_GUID) {
		frame->framing = MQ_FRAMING_GUID;
		memcpy(frame->guid, at + 1, MQ_FRAME_GUID);
		size = MQ_FRAME_GUID_SIZE;
	} else {
		return 0;
	}
	*rest = mq_bytes_of(bytes.data + size, bytes.len - size);
	return 1;
}

/* "0x7b 0x22 …": how it begins instead. */
static int not_framed(struct mq_bytes bytes, const char *what, struct mq_err *err)
{
	char begin[40] = "is empty";
	size_t at = 0;

	for (size_t i = 0; i < bytes.len && i < 5; i++)
		at += (size_t)snprintf(begin + at, sizeof begin - at, "%s0x%02x",
		                       i ? " " : "begins with ", (unsigned char)bytes.data[i]);
	return mq_fail(err, MQ_DATA, "%s is expected, but it %s%s", what, begin,
	               bytes.len > 0 && bytes.len < 5 ? " and ends there" : "");
}

static bool is_container(struct mq_bytes bytes)
{
	return bytes.len >= sizeof container_magic &&
	       memcmp(bytes.data, container_magic, sizeof container_magic) == 0;
}

/* A header that names the schema: 1, 0 when there is none. */
static int read_header(enum mq_codec_part part, const struct mq_message *message,
                       struct mq_bytes bytes, struct mq_frame *ret, struct mq_err *err)
{
	struct mq_bytes header = mq_frame_find_header(message, part);

	if (!header.data)
		return 0;
	if (!take_id(header, ret, &ret->indexes))
		return mq_fail(err, MQ_DATA,
		               "the header %s names no schema: 0x01 and 16 bytes "
		               "are expected, and it has %zu",
		               mq_frame_header(part), header.len);
	ret->in_header = true;
	ret->payload = bytes;
	return 1;
}

static int recognise(enum mq_codec_part part, const struct mq_message *message,
                     struct mq_bytes bytes, struct mq_frame *ret, struct mq_err *err)
{
	int found = read_header(part, message, bytes, ret, err);

	if (found != 0)
		return found < 0 ? -1 : 0;
	if (is_container(bytes))
		ret->framing = MQ_FRAMING_CONTAINER;
	else if (av_single_split(bytes, &ret->fingerprint, &ret->payload))
		ret->framing = MQ_FRAMING_SINGLE_OBJECT;
	else if (bytes.len > 0 && bytes.data[0] == MAGIC_ID &&
	         (!take_id(bytes, ret, &ret->payload) || ret->id == 0))
		*ret = (struct mq_frame){.framing = MQ_FRAMING_NONE, .id = -1, .payload = bytes};
	return 0;
}

int mq_frame_read(enum mq_framing wanted, enum mq_codec_part part, const struct mq_message *message,
                  struct mq_frame *ret, struct mq_err *err)
{
	struct mq_bytes bytes = part == MQ_CODEC_KEY ? message->key : message->payload;

	*ret = (struct mq_frame){.framing = MQ_FRAMING_NONE, .id = -1, .payload = bytes};
	switch (wanted) {
	case MQ_FRAMING_AUTO:
		return recognise(part, message, bytes, ret, err);
	case MQ_FRAMING_NONE:
		return 0;
	case MQ_FRAMING_CONFLUENT:
		if (!take_id(bytes, ret, &ret->payload))
			return not_framed(bytes, "0x00 and 4 bytes of a schema's id", err);
		return 0;
	case MQ_FRAMING_GUID: {
		int found = read_header(part, message, bytes, ret, err);
		if (found == 0)
			return mq_fail(err, MQ_DATA, "there is no header %s",
			               mq_frame_header(part));
		return found < 0 ? -1 : 0;
	}
	case MQ_FRAMING_SINGLE_OBJECT:
		if (!av_single_split(bytes, &ret->fingerprint, &ret->payload))
			return not_framed(bytes, "0xc3 0x01 and 8 bytes of a fingerprint", err);
		ret->framing = MQ_FRAMING_SINGLE_OBJECT;
		return 0;
	case MQ_FRAMING_CONTAINER:
		if (!is_container(bytes))
			return not_framed(bytes, "an Avro container file ('Obj' and 0x01)", err);
		ret->framing = MQ_FRAMING_CONTAINER;
		return 0;
	}
	return mq_fail(err, MQ_INTERNAL, "no such framing: %d", (int)wanted);
}

/*
 * What Protobuf messages look like: tables made of the descriptors that shim.h compiles, for
 * walking bytes and JSON texts along them.
 */
#ifndef SCHEMA_PROTOBUF_MODEL_H
#define SCHEMA_PROTOBUF_MODEL_H

#include "format/arena.h"
#include "mqtk/bytes.h"

/* As FieldDescriptorProto.Type has them. */
enum pb_type {
	PB_DOUBLE = 1,
	PB_FLOAT,
	PB_INT64,
	PB_UINT64,
	PB_INT32,
	PB_FIXED64,
	PB_FIXED32,
	PB_BOOL,
	PB_STRING,
	PB_GROUP,
	PB_MESSAGE,
	PB_BYTES,
	PB_UINT32,
	PB_ENUM,
	PB_SFIXED32,
	PB_SFIXED64,
	PB_SINT32,
	PB_SINT64,
};

/* "int32": as the language calls it. */
const char *pb_type_name(enum pb_type type);

enum pb_wire {
	PB_VARINT = 0,
	PB_I64 = 1,
	PB_LEN = 2,
	PB_SGROUP = 3,
	PB_EGROUP = 4,
	PB_I32 = 5,
};

/* Messages whose JSON is not an object of their fields. */
enum pb_known {
	PB_ORDINARY,
	PB_ANY,
	PB_TIMESTAMP,
	PB_DURATION,
	PB_FIELD_MASK,
	PB_STRUCT,
	PB_VALUE,
	PB_LIST,
	PB_WRAPPER, /* of one scalar */
};

struct pb_enum_value {
	struct mq_bytes name;
	int32_t number;
};

struct pb_enum {
	struct mq_bytes name; /* the full one */
	struct pb_enum_value *values;
	uint32_t n;
	bool closed; /* proto2: other numbers are none of its values */
	bool null;   /* google.protobuf.NullValue */
};

struct pb_field {
	struct mq_bytes name; /* "order_id"; of an extension "[full.name]" */
	struct mq_bytes json; /* "orderId" */
	struct mq_bytes key;  /* "orderId": with quotes and colon, for writing */
	struct mq_bytes type_name;
	uint32_t number;
	uint8_t type, wire; /* enum pb_type; enum pb_wire of one value */
	bool repeated, required, packed, map, extension;
	bool presence;      /* 0 and "" are values too, not nothing */
	bool proto3_option; /* its oneof is no real one */
	int32_t oneof;      /* of a real oneof, or -1 */
	const struct pb_message *message;
	const struct pb_enum *enumeration;
};

struct pb_message {
	struct mq_bytes name;    /* the full one: "shop.Order.Line"; ends in NUL */
	struct pb_field *fields; /* by number, extensions too */
	uint32_t n;
	uint32_t dense;          /* fields[0 .. dense) have the numbers 1 .. dense */
	struct mq_bytes *oneofs; /* their names */
	uint32_t n_oneofs, n_required;
	struct pb_message *parent; /* the message it is nested in, or NULL */
	uint32_t file, index;      /* index: among the messages of its file, or of its parent */
	uint8_t known;             /* enum pb_known */
	bool entry;                /* the type of a map's entries: fields key (1) and value (2) */
};

struct pb_file {
	struct mq_bytes name, package;
	bool proto3;
};

struct pb_model {
	struct mq_arena arena;
	struct mq_bytes set; /* what it was made of; names point into it */
	struct pb_file *files;
	struct pb_message *messages; /* a message's nested ones behind it */
	struct pb_enum *enums;
	uint32_t n_files, n_messages, n_enums;
	uint32_t *by_name;      /* messages, sorted by name */
	uint32_t *enum_by_name; /* enums likewise */
};

/* Makes the tables of a serialized FileDescriptorSet as pb_compile makes it; set has to live as
 * long as the model. MQ_DATA: it is none. */
int pb_model_init(struct pb_model *model, struct mq_bytes set, struct mq_err *err);
void pb_model_release(struct pb_model *model);

/* By its full name; NULL: there is none. */
const struct pb_message *pb_message_named(const struct pb_model *model, struct mq_bytes name);
const struct pb_enum *pb_enum_named(const struct pb_model *model, struct mq_bytes name);
const struct pb_field *pb_field_numbered(const struct pb_message *message, uint32_t number);
const struct pb_enum_value *pb_enum_numbered(const struct pb_enum *type, int32_t number);

/* --- the wire --------------------------------------------------------------------------------- */

struct pb_input {
	const unsigned char *p, *end;
};

/* False: it is cut, or longer than ten bytes. */
static inline bool pb_take_varint(struct pb_input *in, uint64_t *ret)
{
	uint64_t value = 0;

	if (in->p < in->end && *in->p < 0x80) {
		*ret = *in->p++;
		return true;
	}
	for (unsigned shift = 0; shift < 70 && in->p < in->end; shift += 7) {
		uint64_t byte = *in->p++;
		value |= (byte & 0x7f) << shift;
		if (byte < 0x80) {
			*ret = value;
			return true;
		}
	}
	return false;
}

/* wire.c. One field's number, wire type, and its value: a number, or the bytes of PB_LEN and,
 * without its end, of a group. Returns NULL, or what is wrong with the bytes. An end of group that
 * nothing began is wrong. */
struct pb_piece {
	uint32_t number;
	uint8_t wire;
	uint64_t value;
	struct mq_bytes bytes;
};
const char *pb_take(struct pb_input *in, struct pb_piece *ret);

/* Groups in groups, messages in the outermost one: as the libraries have it. */
#define PB_DEPTH 100

#endif

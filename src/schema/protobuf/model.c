/* Descriptors into tables: see model.h. The numbers of fields are those of descriptor.proto. */
#include "schema/protobuf/model.h"

#include <stdlib.h>

static const char *const type_names[] = {
    "",        "double",   "float",    "int64",  "uint64",  "int32", "fixed64",
    "fixed32", "bool",     "string",   "group",  "message", "bytes", "uint32",
    "enum",    "sfixed32", "sfixed64", "sint32", "sint64",
};

const char *pb_type_name(enum pb_type type)
{
	return type_names[type];
}

/* --- reading descriptors ---------------------------------------------------------------------- */

struct building {
	struct pb_model *model;
	struct mq_err *err;
};

static bool more(struct pb_input *in, struct pb_piece *piece)
{
	return in->p < in->end && !pb_take(in, piece);
}

static struct pb_input input_of(struct mq_bytes bytes)
{
	const unsigned char *p = (const unsigned char *)bytes.data;
	return (struct pb_input){p, p + bytes.len};
}

/* How many fields of that number there are. */
static uint32_t count(struct mq_bytes bytes, uint32_t number)
{
	struct pb_input in = input_of(bytes);
	struct pb_piece piece;
	uint32_t n = 0;

	while (more(&in, &piece))
		n += piece.number == number;
	return n;
}

static struct mq_bytes text_of(struct mq_bytes bytes, uint32_t number)
{
	struct pb_input in = input_of(bytes);
	struct pb_piece piece;
	struct mq_bytes found = mq_bytes_of("", 0);

	while (more(&in, &piece))
		if (piece.number == number && piece.wire == PB_LEN)
			found = piece.bytes;
	return found;
}

static int64_t number_of(struct mq_bytes bytes, uint32_t number, int64_t otherwise)
{
	struct pb_input in = input_of(bytes);
	struct pb_piece piece;

	while (more(&in, &piece))
		if (piece.number == number && piece.wire == PB_VARINT)
			otherwise = (int64_t)piece.value;
	return otherwise;
}

static void *take(struct building *b, size_t n, size_t size)
{
	void *memory = mq_arena_take(&b->model->arena, (n ? n : 1) * size, b->err);

	if (memory)
		memset(memory, 0, (n ? n : 1) * size);
	return memory;
}

static int join(struct building *b, const char *before, struct mq_bytes first, const char *between,
                struct mq_bytes second, const char *after, struct mq_bytes *ret)
{
	size_t len = strlen(before) + first.len + strlen(between) + second.len + strlen(after);
	char *text = take(b, len + 1, 1), *to = text; /* ends in NUL */

	if (!text)
		return -1;
	const struct mq_bytes parts[] = {mq_bytes_str(before), first, mq_bytes_str(between), second,
	                                 mq_bytes_str(after)};
	for (size_t i = 0; i < 5; i++) {
		if (parts[i].len > 0)
			memcpy(to, parts[i].data, parts[i].len);
		to += parts[i].len;
	}
	*ret = mq_bytes_of(text, len);
	return 0;
}

static int full_name(struct building *b, struct mq_bytes scope, struct mq_bytes name,
                     struct mq_bytes *ret)
{
	return join(b, "", scope, scope.len ? "." : "", name, "", ret);
}

static int add_enum(struct building *b, struct mq_bytes proto, struct mq_bytes scope, bool proto3)
{
	struct pb_enum *type = &b->model->enums[b->model->n_enums++];
	struct pb_input in = input_of(proto);
	struct pb_piece piece;

	type->closed = !proto3;
	type->values = take(b, count(proto, 2), sizeof *type->values);
	if (!type->values || full_name(b, scope, text_of(proto, 1), &type->name) < 0)
		return -1;
	type->null = mq_bytes_equal(type->name, mq_bytes_str("google.protobuf.NullValue"));
	while (more(&in, &piece))
		if (piece.number == 2)
			type->values[type->n++] = (struct pb_enum_value){
			    text_of(piece.bytes, 1), (int32_t)number_of(piece.bytes, 2, 0)};
	return 0;
}

static uint8_t wire_of(uint8_t type)
{
	switch (type) {
	case PB_DOUBLE:
	case PB_FIXED64:
	case PB_SFIXED64:
		return PB_I64;
	case PB_FLOAT:
	case PB_FIXED32:
	case PB_SFIXED32:
		return PB_I32;
	case PB_STRING:
	case PB_BYTES:
	case PB_MESSAGE:
		return PB_LEN;
	case PB_GROUP:
		return PB_SGROUP;
	default:
		return PB_VARINT;
	}
}

static int add_field(struct building *b, struct pb_message *message, struct mq_bytes proto,
                     struct mq_bytes scope, bool proto3, bool extension)
{
	struct pb_field *field = &message->fields[message->n++];
	struct mq_bytes options = text_of(proto, 8), type_name = text_of(proto, 6), name;
	int64_t label = number_of(proto, 4, 1), type = number_of(proto, 5, 0);

	if (type < PB_DOUBLE || type > PB_SINT64)
		return mq_fail(b->err, MQ_DATA, "a field of a type that there is not");
	field->number = (uint32_t)number_of(proto, 3, 0);
	field->type = (uint8_t)type;
	field->wire = wire_of(field->type);
	field->extension = extension;
	field->repeated = label == 3;
	field->required = label == 2;
	field->proto3_option = number_of(proto, 17, 0) != 0;
	field->oneof = field->proto3_option ? -1 : (int32_t)number_of(proto, 9, -1);
	if (field->oneof >= (int64_t)message->n_oneofs)
		return mq_fail(b->err, MQ_DATA, "a field of a oneof that there is not");
	field->presence = !field->repeated && (!proto3 || field->proto3_option || extension ||
	                                       field->oneof >= 0 || type == PB_MESSAGE);
	field->packed = field->repeated && field->wire != PB_LEN && type != PB_GROUP &&
	                number_of(options, 2, proto3) != 0;
	if (type_name.len > 0 && *type_name.data == '.')
		type_name.data++, type_name.len--;
	field->type_name = type_name;
	field->name = text_of(proto, 1);
	field->json = text_of(proto, 10);
	if (extension) {
		if (full_name(b, scope, field->name, &name) < 0 ||
		    join(b, "[", name, "", mq_bytes_of("", 0), "]", &field->name) < 0)
			return -1;
		field->json = field->name;
	}
	if (field->json.len == 0)
		field->json = field->name;
	message->n_required += field->required;
	return 0;
}

static int add_message(struct building *b, struct mq_bytes proto, struct mq_bytes scope,
                       struct pb_message *parent, uint32_t index, bool proto3)
{
	struct pb_message *message = &b->model->messages[b->model->n_messages++];
	struct pb_input in = input_of(proto);
	struct pb_piece piece;
	uint32_t nested = 0;

	message->parent = parent;
	message->index = index;
	message->file = b->model->n_files - 1;
	message->entry = number_of(text_of(proto, 7), 7, 0) != 0;
	message->oneofs = take(b, count(proto, 8), sizeof *message->oneofs);
	if (!message->oneofs || full_name(b, scope, text_of(proto, 1), &message->name) < 0)
		return -1;
	while (more(&in, &piece))
		if (piece.number == 8)
			message->oneofs[message->n_oneofs++] = text_of(piece.bytes, 1);
	in = input_of(proto);
	message->fields = take(b, count(proto, 2), sizeof *message->fields);
	if (!message->fields)
		return -1;
	while (more(&in, &piece)) {
		if (piece.number == 2 &&
		    add_field(b, message, piece.bytes, message->name, proto3, false) < 0)
			return -1;
		if (piece.number == 3 &&
		    add_message(b, piece.bytes, message->name, message, nested++, proto3) < 0)
			return -1;
		if (piece.number == 4 && add_enum(b, piece.bytes, message->name, proto3) < 0)
			return -1;
	}
	return 0;
}

static int add_file(struct building *b, struct mq_bytes proto)
{
	struct pb_file *file = &b->model->files[b->model->n_files++];
	struct mq_bytes syntax = text_of(proto, 12);
	struct pb_input in = input_of(proto);
	struct pb_piece piece;
	uint32_t index = 0;

	file->name = text_of(proto, 1);
	file->package = text_of(proto, 2);
	file->proto3 = mq_bytes_equal(syntax, mq_bytes_str("proto3"));
	if (syntax.len > 0 && !file->proto3 && !mq_bytes_equal(syntax, mq_bytes_str("proto2")))
		return mq_fail(b->err, MQ_DATA,
		               "%.*s is of syntax \"%.*s\": proto2 and proto3 are known",
		               (int)file->name.len, file->name.data, (int)syntax.len, syntax.data);
	while (more(&in, &piece)) {
		if (piece.number == 4 &&
		    add_message(b, piece.bytes, file->package, NULL, index++, file->proto3) < 0)
			return -1;
		if (piece.number == 5 && add_enum(b, piece.bytes, file->package, file->proto3) < 0)
			return -1;
	}
	return 0;
}

/* --- extensions ------------------------------------------------------------------------------- */

static int add_extension(struct building *b, struct mq_bytes proto, struct mq_bytes scope)
{
	struct mq_bytes extendee = text_of(proto, 2);

	if (extendee.len > 0 && *extendee.data == '.')
		extendee.data++, extendee.len--;
	struct pb_message *message =
	    (struct pb_message *)(uintptr_t)pb_message_named(b->model, extendee);
	if (!message)
		return 0;
	/* Grown one by one: extensions are few. */
	struct pb_field *fields = take(b, message->n + 1, sizeof *fields);
	if (!fields)
		return -1;
	memcpy(fields, message->fields, message->n * sizeof *fields);
	message->fields = fields;
	return add_field(b, message, proto, scope, false, true);
}

static int extend_in(struct building *b, struct mq_bytes proto, struct mq_bytes scope,
                     uint32_t extensions, uint32_t messages)
{
	struct pb_input in = input_of(proto);
	struct pb_piece piece;
	struct mq_bytes name;

	while (more(&in, &piece)) {
		if (piece.number == extensions && add_extension(b, piece.bytes, scope) < 0)
			return -1;
		if (piece.number != messages)
			continue;
		if (full_name(b, scope, text_of(piece.bytes, 1), &name) < 0 ||
		    extend_in(b, piece.bytes, name, 6, 3) < 0)
			return -1;
	}
	return 0;
}

/* --- names and links -------------------------------------------------------------------------- */

static int compare_names(struct mq_bytes a, struct mq_bytes b)
{
	int order = memcmp(a.data, b.data, a.len < b.len ? a.len : b.len);

	return order ? order : (a.len > b.len) - (a.len < b.len);
}

static int compare_messages(const void *a, const void *b, void *model)
{
	const struct pb_message *messages = ((const struct pb_model *)model)->messages;
	return compare_names(messages[*(const uint32_t *)a].name,
	                     messages[*(const uint32_t *)b].name);
}

static int compare_enums(const void *a, const void *b, void *model)
{
	const struct pb_enum *enums = ((const struct pb_model *)model)->enums;
	return compare_names(enums[*(const uint32_t *)a].name, enums[*(const uint32_t *)b].name);
}

static int compare_fields(const void *a, const void *b)
{
	uint32_t first = ((const struct pb_field *)a)->number;
	uint32_t second = ((const struct pb_field *)b)->number;

	return (first > second) - (first < second);
}

const struct pb_message *pb_message_named(const struct pb_model *model, struct mq_bytes name)
{
	uint32_t low = 0, high = model->n_messages;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		const struct pb_message *message = &model->messages[model->by_name[middle]];
		int order = compare_names(name, message->name);
		if (order == 0)
			return message;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

const struct pb_enum *pb_enum_named(const struct pb_model *model, struct mq_bytes name)
{
	uint32_t low = 0, high = model->n_enums;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		const struct pb_enum *type = &model->enums[model->enum_by_name[middle]];
		int order = compare_names(name, type->name);
		if (order == 0)
			return type;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

const struct pb_field *pb_field_numbered(const struct pb_message *message, uint32_t number)
{
	uint32_t low = message->dense, high = message->n;

	if (number - 1 < message->dense)
		return &message->fields[number - 1];
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (message->fields[middle].number == number)
			return &message->fields[middle];
		if (message->fields[middle].number > number)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

const struct pb_enum_value *pb_enum_numbered(const struct pb_enum *type, int32_t number)
{
	/* Mostly they are 0, 1, 2 … */
	if (number >= 0 && (uint32_t)number < type->n && type->values[number].number == number)
		return &type->values[number];
	for (uint32_t i = 0; i < type->n; i++)
		if (type->values[i].number == number)
			return &type->values[i];
	return NULL;
}

/* proto2 lets two fields have one name in JSON: then each has its own. */
static int part_names(struct building *b, struct pb_message *message)
{
	bool *shared = take(b, message->n, sizeof *shared);

	if (!shared)
		return -1;
	for (uint32_t i = 0; i < message->n; i++)
		for (uint32_t k = i + 1; k < message->n; k++)
			if (mq_bytes_equal(message->fields[i].json, message->fields[k].json))
				shared[i] = shared[k] = true;
	for (uint32_t i = 0; i < message->n; i++) {
		struct pb_field *field = &message->fields[i];
		field->json = shared[i] ? field->name : field->json;
		if (join(b, "\"", field->json, "", mq_bytes_of("", 0), "\":", &field->key) < 0)
			return -1;
	}
	return 0;
}

static int link_fields(struct building *b, struct pb_message *message)
{
	qsort(message->fields, message->n, sizeof *message->fields, compare_fields);
	while (message->dense < message->n &&
	       message->fields[message->dense].number == message->dense + 1)
		message->dense++;
	for (uint32_t i = 0; i < message->n; i++) {
		struct pb_field *field = &message->fields[i];
		if (field->type == PB_MESSAGE || field->type == PB_GROUP)
			field->message = pb_message_named(b->model, field->type_name);
		else if (field->type == PB_ENUM)
			field->enumeration = pb_enum_named(b->model, field->type_name);
		else
			continue;
		if (!field->message && !field->enumeration)
			return mq_fail(b->err, MQ_DATA, "there is no type %.*s",
			               (int)field->type_name.len, field->type_name.data);
		field->map = field->repeated && field->message && field->message->entry;
	}
	return part_names(b, message);
}

/* What the well-known types are taken for only when they look as they should. */
static uint8_t known_type(const struct pb_message *message)
{
	static const struct {
		const char *name;
		uint8_t known;
		uint8_t types[6];
	} all[] = {
	    {"google.protobuf.Any", PB_ANY, {PB_STRING, PB_BYTES}},
	    {"google.protobuf.Timestamp", PB_TIMESTAMP, {PB_INT64, PB_INT32}},
	    {"google.protobuf.Duration", PB_DURATION, {PB_INT64, PB_INT32}},
	    {"google.protobuf.FieldMask", PB_FIELD_MASK, {PB_STRING}},
	    {"google.protobuf.Struct", PB_STRUCT, {PB_MESSAGE}},
	    {"google.protobuf.Value",
	     PB_VALUE,
	     {PB_ENUM, PB_DOUBLE, PB_STRING, PB_BOOL, PB_MESSAGE, PB_MESSAGE}},
	    {"google.protobuf.ListValue", PB_LIST, {PB_MESSAGE}},
	    {"google.protobuf.DoubleValue", PB_WRAPPER, {PB_DOUBLE}},
	    {"google.protobuf.FloatValue", PB_WRAPPER, {PB_FLOAT}},
	    {"google.protobuf.Int64Value", PB_WRAPPER, {PB_INT64}},
	    {"google.protobuf.UInt64Value", PB_WRAPPER, {PB_UINT64}},
	    {"google.protobuf.Int32Value", PB_WRAPPER, {PB_INT32}},
	    {"google.protobuf.UInt32Value", PB_WRAPPER, {PB_UINT32}},
	    {"google.protobuf.BoolValue", PB_WRAPPER, {PB_BOOL}},
	    {"google.protobuf.StringValue", PB_WRAPPER, {PB_STRING}},
	    {"google.protobuf.BytesValue", PB_WRAPPER, {PB_BYTES}},
	};

	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		if (!mq_bytes_equal(message->name, mq_bytes_str(all[i].name)))
			continue;
		uint32_t n = 0;
		while (n < 6 && all[i].types[n] != 0 && n < message->dense &&
		       message->fields[n].type == all[i].types[n])
			n++;
		bool all_there = n == message->n && (n == 6 || all[i].types[n] == 0);
		return all_there ? all[i].known : PB_ORDINARY;
	}
	return PB_ORDINARY;
}

/* A map's entry has a key and a value, and nothing else. */
static bool sound_entry(const struct pb_message *message)
{
	return !message->entry ||
	       (message->n == 2 && message->dense == 2 && !message->fields[0].repeated &&
	        !message->fields[1].repeated && !message->fields[0].message);
}

/* How many messages and enums there are, nested ones too. */
static void count_types(struct mq_bytes proto, uint32_t messages, uint32_t enums, uint32_t *ret)
{
	struct pb_input in = input_of(proto);
	struct pb_piece piece;

	while (more(&in, &piece)) {
		ret[1] += piece.number == enums;
		if (piece.number != messages)
			continue;
		ret[0]++;
		count_types(piece.bytes, 3, 4, ret);
	}
}

static int build(struct building *b, struct mq_bytes set)
{
	struct pb_model *model = b->model;
	struct pb_input in = input_of(set);
	struct pb_piece piece;
	uint32_t types[2] = {0, 0};

	while (more(&in, &piece))
		count_types(piece.bytes, 4, 5, types);
	model->files = take(b, count(set, 1), sizeof *model->files);
	model->messages = take(b, types[0], sizeof *model->messages);
	model->enums = take(b, types[1], sizeof *model->enums);
	model->by_name = take(b, types[0], sizeof *model->by_name);
	model->enum_by_name = take(b, types[1], sizeof *model->enum_by_name);
	if (!model->files || !model->messages || !model->enums || !model->by_name ||
	    !model->enum_by_name)
		return -1;
	for (in = input_of(set); more(&in, &piece);)
		if (add_file(b, piece.bytes) < 0)
			return -1;
	for (uint32_t i = 0; i < model->n_messages; i++)
		model->by_name[i] = i;
	for (uint32_t i = 0; i < model->n_enums; i++)
		model->enum_by_name[i] = i;
	qsort_r(model->by_name, model->n_messages, sizeof(uint32_t), compare_messages, model);
	qsort_r(model->enum_by_name, model->n_enums, sizeof(uint32_t), compare_enums, model);
	for (in = input_of(set); more(&in, &piece);)
		if (extend_in(b, piece.bytes, text_of(piece.bytes, 2), 7, 4) < 0)
			return -1;
	for (uint32_t i = 0; i < model->n_messages; i++) {
		if (link_fields(b, &model->messages[i]) < 0)
			return -1;
		if (!sound_entry(&model->messages[i]))
			return mq_fail(b->err, MQ_DATA, "%.*s is no entry of a map",
			               (int)model->messages[i].name.len,
			               model->messages[i].name.data);
		model->messages[i].known = known_type(&model->messages[i]);
	}
	return 0;
}

int pb_model_init(struct pb_model *model, struct mq_bytes set, struct mq_err *err)
{
	struct building b = {.model = model, .err = err};

	*model = (struct pb_model){.set = set};
	if (build(&b, set) == 0)
		return 0;
	pb_model_release(model);
	return -1;
}

void pb_model_release(struct pb_model *model)
{
	mq_arena_release(&model->arena);
}

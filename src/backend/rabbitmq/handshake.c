/* From the protocol header to the open virtual host: mechanism, capabilities, limits. */
#include "backend/rabbitmq/rabbitmq.h"

#include <stdio.h>
#include <stdlib.h>

/* Waits for one method of the handshake. Returns its decoded form, or NULL. */
static void *expect(struct mq_rabbit_wire *wire, amqp_method_number_t id, int64_t until,
                    const char *doing, struct mq_err *err)
{
	for (;;) {
		struct mq_rabbit_frame frame;
		int got = mq_rabbit_wire_next(wire, &frame, err);
		if (got < 0)
			return NULL;
		if (got > 0 && frame.type == AMQP_FRAME_METHOD && frame.method == id) {
			void *decoded = NULL;
			amqp_bytes_t copy = {frame.len - 4,
			                     amqp_pool_alloc(&wire->pool, frame.len)};
			if (!copy.bytes) {
				mq_fail_memory(err);
				return NULL;
			}
			memcpy(copy.bytes, frame.data + 4, copy.len);
			if (amqp_decode_method(id, &wire->pool, copy, &decoded) == AMQP_STATUS_OK)
				return decoded;
			got = -1;
		}
		if (got != 0) {
			mq_fail(err, MQ_UNREACHABLE, "%s: unexpected answer while %s",
			        wire->conn->shown, doing);
			return NULL;
		}
		int64_t left = until - mq_now_monotonic_ms();
		if (left <= 0) {
			mq_fail(err, MQ_UNREACHABLE, "%s: no answer within %d s while %s",
			        wire->conn->shown, wire->env->timeout_ms / 1000, doing);
			err->retriable = true;
			mq_hint(err, "%s",
			        wire->conn->secure ? "is it the port for TLS (5671)?"
			                           : "a port for TLS wants amqps://");
			return NULL;
		}
		if (mq_cancel_signal(wire->env->cancel)) {
			mq_fail(err, MQ_CANCELLED, "stopped by a signal while %s", doing);
			return NULL;
		}
		if (mq_rabbit_wire_wait(wire, (int)left, err) < 0)
			return NULL;
	}
}

/* The broker's version, for what differs between its generations. */
static void read_version(struct mq_rabbit_wire *wire, const amqp_table_t *properties)
{
	for (int i = 0; i < properties->num_entries; i++) {
		const amqp_table_entry_t *entry = &properties->entries[i];
		if (entry->key.len != 7 || memcmp(entry->key.bytes, "version", 7) != 0 ||
		    entry->value.kind != AMQP_FIELD_KIND_UTF8)
			continue;
		snprintf(wire->version, sizeof wire->version, "%.*s",
		         (int)entry->value.value.bytes.len,
		         (const char *)entry->value.value.bytes.bytes);
		char *end;
		wire->version_major = (int)strtol(wire->version, &end, 10);
		if (*end == '.')
			wire->version_minor = (int)strtol(end + 1, NULL, 10);
	}
}

static amqp_table_entry_t truth(const char *name)
{
	return (amqp_table_entry_t){
	    .key = mq_rabbit_bytes(name),
	    .value = {.kind = AMQP_FIELD_KIND_BOOLEAN, .value = {.boolean = 1}}};
}

static amqp_table_entry_t text(const char *name, const char *value)
{
	return (amqp_table_entry_t){
	    .key = mq_rabbit_bytes(name),
	    .value = {.kind = AMQP_FIELD_KIND_UTF8, .value = {.bytes = mq_rabbit_bytes(value)}}};
}

/* Without the capabilities a deleted queue, an alarm and a wrong password would be silence. */
static int start_ok(struct mq_rabbit_wire *wire, struct mq_err *err)
{
	amqp_table_entry_t capabilities[] = {
	    truth("authentication_failure_close"), truth("basic.nack"),
	    truth("connection.blocked"),           truth("consumer_cancel_notify"),
	    truth("publisher_confirms"),
	};
	amqp_table_entry_t properties[] = {
	    text("product", "mqtk"),
	    text("version", MQ_VERSION),
	    text("connection_name", "mqtk"),
	    {.key = mq_rabbit_bytes("capabilities"),
	     .value = {.kind = AMQP_FIELD_KIND_TABLE,
	               .value = {.table = {sizeof capabilities / sizeof capabilities[0],
	                                   capabilities}}}},
	};
	size_t user = strlen(wire->conn->user), password = strlen(wire->conn->password);
	size_t len = user + password + 2;
	char *response = malloc(len + 1);
	if (!response)
		return mq_fail_memory(err);
	response[0] = '\0';
	memcpy(response + 1, wire->conn->user, user + 1);
	memcpy(response + 2 + user, wire->conn->password, password + 1);
	amqp_connection_start_ok_t answer = {
	    .client_properties = {sizeof properties / sizeof properties[0], properties},
	    .mechanism = mq_rabbit_bytes("PLAIN"),
	    .response = {len, response},
	    .locale = mq_rabbit_bytes("en_US")};
	int result = mq_rabbit_put_method(wire, 0, AMQP_CONNECTION_START_OK_METHOD, &answer, err);
	explicit_bzero(response, len);
	free(response);
	return result;
}

/* 0 stands for no limit. */
static uint32_t smaller(uint32_t theirs, uint32_t mine)
{
	return theirs == 0 || mine < theirs ? mine : theirs;
}

static int tune(struct mq_rabbit_wire *wire, const amqp_connection_tune_t *theirs,
                struct mq_err *err)
{
	uint16_t mine = (uint16_t)wire->conn->heartbeat;
	amqp_connection_tune_ok_t answer = {
	    .channel_max = (uint16_t)smaller(theirs->channel_max, 2047),
	    .frame_max = smaller(theirs->frame_max, (uint32_t)wire->conn->frame_max),
	    .heartbeat = mine};

	if (theirs->heartbeat && mine)
		answer.heartbeat = (uint16_t)smaller(theirs->heartbeat, mine);
	wire->frame_max = answer.frame_max;
	wire->heartbeat_ms = answer.heartbeat * 1000;
	return mq_rabbit_put_method(wire, 0, AMQP_CONNECTION_TUNE_OK_METHOD, &answer, err);
}

int mq_rabbit_handshake(struct mq_rabbit_wire *wire, struct mq_err *err)
{
	static const char protocol[8] = {'A', 'M', 'Q', 'P', 0, 0, 9, 1};
	int64_t until = mq_now_monotonic_ms() + wire->env->timeout_ms;
	amqp_connection_open_t open = {.virtual_host = mq_rabbit_bytes(wire->conn->vhost),
	                               .capabilities = mq_rabbit_bytes(""),
	                               .insist = 1};

	if (mq_buf_append(&wire->out, protocol, sizeof protocol, err) < 0)
		return -1;
	const amqp_connection_start_t *start =
	    expect(wire, AMQP_CONNECTION_START_METHOD, until, "saying hello", err);
	if (!start)
		return -1;
	read_version(wire, &start->server_properties);
	if (start_ok(wire, err) < 0)
		return -1;
	const amqp_connection_tune_t *limits =
	    expect(wire, AMQP_CONNECTION_TUNE_METHOD, until, "authenticating", err);
	/* The password stood there. */
	if (wire->out.data)
		explicit_bzero(wire->out.data, wire->out.cap);
	if (!limits || tune(wire, limits, err) < 0 ||
	    mq_rabbit_put_method(wire, 0, AMQP_CONNECTION_OPEN_METHOD, &open, err) < 0 ||
	    !expect(wire, AMQP_CONNECTION_OPEN_OK_METHOD, until, "opening the vhost", err))
		return -1;
	return wire->heartbeat_ms ? mq_rabbit_pulse_start(wire, err) : 0;
}

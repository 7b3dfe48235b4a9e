"""What Confluent's own Python serializers write, and what they read.

codec_clients.py write|read KIND BROKER REGISTRY TOPIC N [guid]
KIND: avro, json or protobuf. write sends N orders; read prints N values as JSON lines.
"""
import json
import sys

from confluent_kafka import Consumer, Producer
from confluent_kafka.schema_registry import (
    SchemaRegistryClient,
    header_schema_id_serializer,
    prefix_schema_id_serializer,
)
from confluent_kafka.serialization import MessageField, SerializationContext

AVRO = """{"type": "record", "name": "Order", "namespace": "shop", "fields": [
  {"name": "id", "type": "long"},
  {"name": "who", "type": ["null", "string"], "default": null},
  {"name": "lines", "type": {"type": "array", "items": {"type": "record", "name": "Line",
    "fields": [{"name": "sku", "type": "string"}, {"name": "price", "type": "double"}]}}}]}"""
KEY = '"long"'
JSON = """{"$schema": "http://json-schema.org/draft-07/schema#", "title": "Order", "type": "object",
  "required": ["id"], "properties": {"id": {"type": "integer"}}}"""


def order(i):
    return {
        "id": i,
        "who": None if i % 3 == 0 else f"käufer {i}",
        "lines": [{"sku": f"s{k}", "price": k + 0.5} for k in range(i % 4)],
    }


def order_type():
    """shop.Order of Protobuf, the second message of its file."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    file = descriptor_pb2.FileDescriptorProto(
        name="shop/order.proto", package="shop", syntax="proto3"
    )
    file.message_type.add(name="Other")
    order_message = file.message_type.add(name="Order")
    field = descriptor_pb2.FieldDescriptorProto
    for number, (name, kind, label) in enumerate(
        [
            ("who", field.TYPE_STRING, field.LABEL_OPTIONAL),
            ("paid", field.TYPE_BOOL, field.LABEL_OPTIONAL),
            ("sums", field.TYPE_SINT64, field.LABEL_REPEATED),
        ],
        1,
    ):
        order_message.field.add(
            name=name, json_name=name, number=number, type=kind, label=label
        )
    pool = descriptor_pool.Default()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("shop.Order"))


def protobuf_order(i):
    return ORDER(who=f"käufer {i}", paid=i % 2 == 1, sums=[i, -i])


def serializers(kind, registry, how):
    conf = {"schema.id.serializer": how}
    if kind == "avro":
        from confluent_kafka.schema_registry.avro import AvroSerializer

        return AvroSerializer(registry, AVRO, conf=conf), AvroSerializer(registry, KEY, conf=conf)
    if kind == "json":
        from confluent_kafka.schema_registry.json_schema import JSONSerializer

        return JSONSerializer(JSON, registry, conf=conf), None
    from confluent_kafka.schema_registry.protobuf import ProtobufSerializer

    return ProtobufSerializer(ORDER, registry, conf=conf), None


def write(kind, broker, registry, topic, n, how):
    producer = Producer({"bootstrap.servers": broker})
    value, key = serializers(kind, registry, how)
    make = protobuf_order if kind == "protobuf" else order
    for i in range(n):
        headers = []
        of_value = SerializationContext(topic, MessageField.VALUE, headers)
        of_key = SerializationContext(topic, MessageField.KEY, headers)
        producer.produce(
            topic,
            key=key(i, of_key) if key else None,
            value=value(make(i), of_value),
            headers=headers,
            partition=0,
        )
        producer.poll(0)
    if producer.flush(60):
        sys.exit("not everything was sent")


def deserializer(kind, registry):
    if kind == "avro":
        from confluent_kafka.schema_registry.avro import AvroDeserializer

        return AvroDeserializer(registry)
    if kind == "json":
        from confluent_kafka.schema_registry.json_schema import JSONDeserializer

        return JSONDeserializer(JSON, schema_registry_client=registry)
    from confluent_kafka.schema_registry.protobuf import ProtobufDeserializer
    from google.protobuf.json_format import MessageToDict

    inner = ProtobufDeserializer(ORDER, {"use.deprecated.format": False}, registry)
    return lambda data, context: MessageToDict(inner(data, context))


def read(kind, broker, registry, topic, n):
    consumer = Consumer(
        {"bootstrap.servers": broker, "group.id": f"read-{topic}", "auto.offset.reset": "earliest"}
    )
    consumer.subscribe([topic])
    value = deserializer(kind, registry)
    for _ in range(n):
        message = consumer.poll(60)
        if message is None or message.error():
            sys.exit(f"nothing came: {message and message.error()}")
        context = SerializationContext(topic, MessageField.VALUE, message.headers() or [])
        print(json.dumps(value(message.value(), context), ensure_ascii=False))
    consumer.close()


def main():
    global ORDER
    what, kind, broker, url, topic, n = sys.argv[1:7]
    registry = SchemaRegistryClient({"url": url})
    ORDER = order_type() if kind == "protobuf" else None
    how = header_schema_id_serializer if "guid" in sys.argv[7:] else prefix_schema_id_serializer
    if what == "write":
        write(kind, broker, registry, topic, int(n), how)
    else:
        read(kind, broker, registry, topic, int(n))


main()

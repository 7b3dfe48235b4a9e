"""Other clients of RabbitMQ (pika) and Redis (redis-py): what they write, and what they see.

foreign_clients.py rabbit-write HOST:PORT QUEUE   publishes messages with every property and many types
foreign_clients.py rabbit-read HOST:PORT QUEUE    takes everything and prints a line for each message
foreign_clients.py rabbit-ask HOST:PORT QUEUE     asks three times over direct reply-to, prints the answers
foreign_clients.py rabbit-gone HOST:PORT QUEUE    asks and does not wait for the answer
foreign_clients.py redis-write HOST:PORT KEY      adds entries of every kind
foreign_clients.py redis-read HOST:PORT KEY       prints the fields of each entry
"""
import datetime
import decimal
import json
import sys
import time


def shown(value):
    """A form in which two values are equal only when they and their types are."""
    if isinstance(value, bytes):
        return ["bytes", value.hex()]
    if isinstance(value, dict):
        return {k: shown(v) for k, v in sorted(value.items())}
    if isinstance(value, list):
        return [shown(v) for v in value]
    if isinstance(value, datetime.datetime):
        return ["time", value.isoformat()]
    if isinstance(value, decimal.Decimal):
        return ["decimal", str(value)]
    return [type(value).__name__, value]


def channel_of(address):
    import pika
    host, port = address.rsplit(":", 1)
    connection = pika.BlockingConnection(pika.ConnectionParameters(host, int(port)))
    return connection, connection.channel()


PROPERTIES = ("content_type content_encoding headers delivery_mode priority correlation_id reply_to "
              "expiration message_id timestamp type user_id app_id").split()


def rabbit_write(address, queue):
    import pika
    connection, channel = channel_of(address)
    channel.confirm_delivery()
    messages = [
        (b"plain", pika.BasicProperties()),
        (b"", pika.BasicProperties(delivery_mode=2)),
        (bytes(range(256)), pika.BasicProperties(content_type="application/octet-stream", delivery_mode=2)),
        (b"all", pika.BasicProperties(
            content_type="text/plain", content_encoding="identity", delivery_mode=2, priority=3,
            correlation_id="c-1", reply_to="answers", expiration="600000", message_id="m-1",
            timestamp=1700000000, type="order.paid", user_id="guest", app_id="shop")),
        (b"headers", pika.BasicProperties(delivery_mode=2, headers={
            "text": "t\u00e9xt", "empty": "", "int": 5, "big": 2 ** 40, "negative": -7, "true": True,
            "false": False, "none": None, "list": [1, "two", None], "table": {"a": 1, "b": {"c": "d"}},
            "time": datetime.datetime(2023, 11, 14, 22, 13, 20)})),
    ]
    for body, properties in messages:
        channel.basic_publish("", queue, body, properties, mandatory=True)
    connection.close()


def rabbit_read(address, queue):
    connection, channel = channel_of(address)
    while True:
        method, properties, body = channel.basic_get(queue, auto_ack=True)
        if method is None:
            break
        fields = {name: getattr(properties, name) for name in PROPERTIES}
        fields["headers"] = {k: v for k, v in (fields["headers"] or {}).items()
                             if not k.startswith("mqtk-") and k != "x-delivery-count"}
        print(json.dumps([body.hex(), {k: shown(v) for k, v in fields.items() if v not in (None, {})}]))
    connection.close()


def ask(channel, queue, number):
    import pika
    channel.basic_publish("", queue, b"q%d" % number, pika.BasicProperties(
        reply_to="amq.rabbitmq.reply-to", correlation_id="c%d" % number), mandatory=True)


def rabbit_ask(address, queue):
    connection, channel = channel_of(address)
    answers = []
    channel.basic_consume("amq.rabbitmq.reply-to", auto_ack=True, on_message_callback=lambda _c, _m,
                          properties, body: answers.append((properties.correlation_id, body)))
    for number in range(3):
        ask(channel, queue, number)
        limit = time.monotonic() + 20
        while len(answers) <= number and time.monotonic() < limit:
            connection.process_data_events(0.1)
    for answer in answers:
        print(*answer)
    connection.close()


def rabbit_gone(address, queue):
    connection, channel = channel_of(address)
    channel.basic_consume("amq.rabbitmq.reply-to", lambda *_: None, auto_ack=True)
    channel.confirm_delivery()
    ask(channel, queue, 9)
    connection.close()


def redis_of(address):
    import redis
    host, port = address.rsplit(":", 1)
    return redis.Redis(host, int(port))


def redis_write(address, key):
    client = redis_of(address)
    every = bytes(range(256))
    for fields in (["temperature", "19.8", "sensor", "1"], ["payload", "as ours"], ["key", "k", "payload", ""],
                   ["payload", "p", "key", "the other order"], ["payload", "p", "more", "m"],
                   ["a", "1", "a", "2", "b", ""], [every, every], ["", "empty name"],
                   ["payload", "p", "mqtk-properties", "not ours"], ["mqtk-properties", "{}"],
                   ["payload", '{"json":1.10}'], ["quote\"d", "line\nbreak"], ["headers", "[]", "payload", "x"]):
        client.execute_command("XADD", key, "*", *fields)


def redis_read(address, key):
    client = redis_of(address)
    # Not client.xrange, which makes a dict of the fields and so loses order and duplicates.
    client.response_callbacks.pop("XRANGE", None)
    for _, fields in client.execute_command("XRANGE", key, "-", "+"):
        print(json.dumps([field.hex() for field in fields]))


if __name__ == "__main__":
    {"rabbit-write": rabbit_write, "rabbit-read": rabbit_read,
     "rabbit-ask": rabbit_ask, "rabbit-gone": rabbit_gone,
     "redis-write": redis_write, "redis-read": redis_read}[sys.argv[1]](sys.argv[2], sys.argv[3])

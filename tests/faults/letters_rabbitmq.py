"""What RabbitMQ's own dead-lettering does, by pika: letters_rabbitmq.py HOST:PORT VHOST COMMAND … [-- COMMAND …]…

declare QUEUE [ARGUMENTS]         a durable queue; the arguments are JSON
publish EXCHANGE KEY N [PROPERTIES]   N messages 1 … N, confirmed; the properties are JSON
reject QUEUE N                    rejects N messages for good, one by one as they come
rejecting QUEUE                   rejects whatever comes, until it is ended; says "ready" first
kill-all TYPE PREFIX              letters in PREFIX-dead, of each reason that a queue of TYPE knows
read QUEUE                        takes everything; a line of JSON for each message
deaths QUEUE                      looks: what x-death says first, in the form of 'dlq show -J'
wait QUEUE N, depth QUEUE         until so many messages are there; how many
fan EXCHANGE QUEUE OTHER          a topic exchange bound to both; the other is declared
"""
import json
import sys
import time

import pika

LIMIT_S = 30
# What mqtk carries for itself, and what quorum queues count.
OURS = ("mqtk-properties", "x-delivery-count", "x-acquired-count")


def connect():
    host, port = sys.argv[1].rsplit(":", 1)
    connection = pika.BlockingConnection(
        pika.ConnectionParameters(host, int(port), virtual_host=sys.argv[2], heartbeat=0))
    return connection, connection.channel()


connection, channel = connect()


def declare(queue, arguments="{}"):
    channel.queue_declare(queue, durable=True, arguments=json.loads(arguments))


def publish(exchange, key, n, properties="{}"):
    out = connection.channel()
    out.confirm_delivery()
    for i in range(int(n)):
        try:
            out.basic_publish(exchange, key, str(i + 1).encode(),
                              pika.BasicProperties(delivery_mode=2, **json.loads(properties)), mandatory=True)
        except pika.exceptions.NackError:
            pass


def reject(queue, n):
    taken = connection.channel()
    taken.basic_qos(prefetch_count=100)
    n = int(n)
    for method, _, _ in taken.consume(queue, inactivity_timeout=LIMIT_S):
        if method is None:
            sys.exit("nothing came from " + queue)
        taken.basic_reject(method.delivery_tag, requeue=False)
        n -= 1
        if n == 0:
            break
    taken.cancel()


def take_and_vanish(queue):
    """A delivery whose consumer is gone: every version counts that."""
    mine, taken = connect()
    taken.basic_get(queue)
    mine.close()


def rejecting(queue):
    channel.basic_qos(prefetch_count=1)
    channel.basic_consume(queue, lambda ch, method, _, __: ch.basic_reject(method.delivery_tag, requeue=False))
    print("ready", flush=True)
    channel.start_consuming()


def fan(exchange, queue, other):
    channel.exchange_declare(exchange, "topic", durable=True)
    declare(other)
    for name in (queue, other):
        channel.queue_bind(name, exchange, "orders.#")


def depth(queue):
    return channel.queue_declare(queue, passive=True).method.message_count


def wait(queue, n):
    deadline = time.monotonic() + LIMIT_S
    while depth(queue) != int(n):
        if time.monotonic() > deadline:
            sys.exit("%s has %d messages, not %s" % (queue, depth(queue), n))
        time.sleep(0.05)


def read(queue):
    while True:
        method, properties, body = channel.basic_get(queue, auto_ack=True)
        if method is None:
            break
        print(json.dumps({"payload": body.decode(), "user_id": properties.user_id,
                          "expiration": properties.expiration, "message_id": properties.message_id,
                          "headers": sorted((name, value) for name, value in (properties.headers or {}).items()
                                            if name not in OURS)}, default=str))


def deaths(queue):
    taken = connection.channel()
    while True:
        method, properties, body = taken.basic_get(queue)
        if method is None:
            break
        death = properties.headers["x-death"][0]
        print(json.dumps([body.decode(), death["queue"], death["reason"], death["exchange"],
                          death["routing-keys"][0], death["count"], int(death["time"].timestamp()) * 1000]))
    taken.close()


def kill_all(kind, prefix):
    """One letter of each kind, in this order: the body says which."""
    dead, exchange = prefix + "-dead", prefix + "-dlx"
    channel.exchange_declare(exchange, "fanout", durable=True)
    declare(dead, json.dumps({"x-queue-type": kind}))
    channel.queue_bind(dead, exchange)
    there = 0

    def work(name, **arguments):
        queue = prefix + "-" + name
        declare(queue, json.dumps(dict({"x-queue-type": kind, "x-dead-letter-exchange": exchange}, **{
            "x-" + key.replace("_", "-"): value for key, value in arguments.items()})))
        return queue

    def send(queue, body, **properties):
        out = connection.channel()
        out.confirm_delivery()
        try:
            out.basic_publish("", queue, body.encode(), pika.BasicProperties(delivery_mode=2, **properties))
        except pika.exceptions.NackError:
            pass

    def died(n=1):
        nonlocal there
        there += n
        wait(dead, there)

    queue = work("rejected")
    channel.exchange_declare(prefix + "-in", "topic", durable=True)
    channel.queue_bind(queue, prefix + "-in", "orders.#")
    channel.basic_publish(prefix + "-in", "orders.paid", b"rejected", pika.BasicProperties(delivery_mode=2))
    reject(queue, 1)
    died()
    send(work("ttl", message_ttl=1), "queue ttl")
    died()
    send(work("expiring"), "message ttl", expiration="1")
    died()
    queue = work("full", max_length=1)
    send(queue, "drop-head")
    send(queue, "stays")
    died()
    if kind == "classic":
        queue = work("refusing", max_length=1, overflow="reject-publish-dlx")
        send(queue, "stays")
        send(queue, "reject-publish-dlx")
        died()
    else:
        queue = work("limited", delivery_limit=1)
        send(queue, "delivery limit")
        deadline = time.monotonic() + LIMIT_S
        while depth(dead) == there and time.monotonic() < deadline:
            take_and_vanish(queue)
        died()
    # Rejected, and then expired where it waited: the newest death stands first.
    waiting = work("waiting", message_ttl=1)
    queue = work("twice", dead_letter_exchange="", dead_letter_routing_key=waiting)
    send(queue, "twice")
    reject(queue, 1)
    died()


def run(words):
    commands = {name.replace("_", "-"): value for name, value in globals().items() if callable(value)}
    result = commands[words[0]](*words[1:])
    if result is not None:
        print(result)


line = []
for word in sys.argv[3:] + ["--"]:
    if word == "--":
        run(line)
        line = []
    else:
        line.append(word)
connection.close()

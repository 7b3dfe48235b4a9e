"""What a client of Kafka may ask and mqtk does not: positions that lie anywhere, and positions that
wait in a transaction that nobody ends. For brokers of one node, which coordinate everything.

    kafka_raw.py HOST:PORT commit GROUP TOPIC PARTITION OFFSET
    kafka_raw.py HOST:PORT pending GROUP TOPIC PARTITION OFFSET     prints ID, PRODUCER and EPOCH
    kafka_raw.py HOST:PORT end ID PRODUCER EPOCH
"""

import socket
import struct
import sys
import time

# Errors of a coordinator that is about to be there, or about to end what was before.
PASSING = {14, 15, 16, 51}


def text(value):
    data = value.encode()
    return struct.pack(">h", len(data)) + data


def receive(connection, size):
    data = b""
    while len(data) < size:
        part = connection.recv(size - len(data))
        if not part:
            sys.exit("the broker hung up")
        data += part
    return data


def ask(connection, key, version, body):
    request = struct.pack(">hhi", key, version, 1) + text("kafka_raw") + body
    connection.sendall(struct.pack(">i", len(request)) + request)
    (size,) = struct.unpack(">i", receive(connection, 4))
    return receive(connection, size)[4:]


def until_taken(connection, key, version, body, error_at):
    """The answer, once its error code, which lies at error_at, is none that passes."""
    end = time.monotonic() + 30
    while True:
        answer = ask(connection, key, version, body)
        (code,) = struct.unpack_from(">h", answer, error_at)
        if code == 0:
            return answer
        if code not in PASSING or time.monotonic() > end:
            sys.exit(f"request {key} failed: error {code}")
        time.sleep(0.1)


def places(topic, partition, offset):
    return (
        struct.pack(">i", 1)
        + text(topic)
        + struct.pack(">iiq", 1, int(partition), int(offset))
        + text("")
    )


def commit(connection, group, topic, partition, offset):
    body = text(group) + struct.pack(">i", -1) + text("") + struct.pack(">q", -1)
    where = 4 + len(text(topic)) + 8
    # Who asks for the coordinator makes the broker have one.
    ask(connection, 10, 0, text(group))
    until_taken(connection, 8, 2, body + places(topic, partition, offset), where)


def pending(connection, group, topic, partition, offset):
    name = f"pending-{group}"
    answer = until_taken(connection, 22, 0, text(name) + struct.pack(">i", 60000), 4)
    producer, epoch = struct.unpack_from(">qh", answer, 6)
    who = struct.pack(">qh", producer, epoch)
    until_taken(connection, 25, 0, text(name) + who + text(group), 4)
    where = 4 + 4 + len(text(topic)) + 8
    body = text(name) + text(group) + who + places(topic, partition, offset)
    until_taken(connection, 28, 0, body, where)
    print(name, producer, epoch)


def end(connection, name, producer, epoch):
    body = text(name) + struct.pack(">qhb", int(producer), int(epoch), 1)
    until_taken(connection, 26, 0, body, 4)


def main():
    host, port = sys.argv[1].rsplit(":", 1)
    commands = {"commit": commit, "pending": pending, "end": end}
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        commands[sys.argv[2]](connection, *sys.argv[3:])


main()

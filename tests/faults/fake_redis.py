"""A Redis server that has one stream with three entries, and answers one command with what it was
told: fake_redis.py COMMAND[.SUBCOMMAND] REPLY. It prints its address, and serves until it is
killed. In REPLY \\r\\n are written so, PORT is its own port; close and silence do that."""
import socket
import sys
import threading

command = sys.argv[1].encode()
listener = socket.create_server(("127.0.0.1", 0))
port = listener.getsockname()[1]
told = sys.argv[2].replace("\\r\\n", "\r\n").replace("PORT", str(port)).encode()


def bulk(data):
    return b"$%d\r\n%s\r\n" % (len(data), data)


def array(*items):
    return b"*%d\r\n" % len(items) + b"".join(items)


def entry(number):
    return array(bulk(b"5-%d" % number), array(bulk(b"payload"), bulk(b"v%d" % number)))


ENTRIES = array(entry(1), entry(2), entry(3))


def answer(words):
    name = words[0].upper()
    sub = words[1].upper() if len(words) > 1 else b""
    if command in (name, name + b"." + sub):
        return told
    if name == b"INFO":
        return bulk(b"redis_version:7.0.15\r\nredis_mode:standalone\r\n")
    if name == b"XINFO" and sub == b"STREAM":
        return array(bulk(b"length"), b":3\r\n", bulk(b"last-generated-id"), bulk(b"5-3"),
                     bulk(b"first-entry"), entry(1))
    if name == b"XINFO":
        return array()
    if name == b"XRANGE":
        return ENTRIES
    if name == b"XREADGROUP":
        return array(array(bulk(words[-2]), ENTRIES if words[-1] == b">" else array()))
    if name == b"XACK":
        return b":%d\r\n" % (len(words) - 3)
    return b"+OK\r\n"


def serve(client):
    file = client.makefile("rb")
    while line := file.readline():
        words = []
        for _ in range(int(line[1:])):
            words.append(file.read(int(file.readline()[1:])))
            file.read(2)
        reply = answer(words)
        if reply == b"close":
            break
        if reply != b"silence":
            client.sendall(reply)
    client.shutdown(socket.SHUT_RDWR)


def serve_quietly(client):
    try:
        serve(client)
    except OSError:
        pass  # the client is gone


print(f"127.0.0.1:{port}", flush=True)
while True:
    threading.Thread(target=serve_quietly, args=listener.accept()[:1], daemon=True).start()

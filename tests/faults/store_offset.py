"""store_offset.py HOST:PORT STREAM NAME OFFSET…: stores offsets of a RabbitMQ stream under names, over
the stream protocol, as guest; returns when the broker has them."""
import socket
import struct
import sys

PEER_PROPERTIES, SASL, AUTHENTICATE, TUNE, OPEN = 0x11, 0x12, 0x13, 0x14, 0x15
STORE, QUERY = 0x0A, 0x0B


def text(value):
    data = value.encode()
    return struct.pack(">h", len(data)) + data


class Connection:
    def __init__(self, address):
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout=10)

    def send(self, key, body):
        data = struct.pack(">HH", key, 1) + body
        self.socket.sendall(struct.pack(">I", len(data)) + data)

    def read(self, size):
        data = b""
        while len(data) < size:
            more = self.socket.recv(size - len(data))
            if not more:
                sys.exit("the broker closed the connection")
            data += more
        return data

    def answer(self, key):
        while True:
            frame = self.read(struct.unpack(">I", self.read(4))[0])
            if struct.unpack(">H", frame[:2])[0] & 0x7FFF == key:
                return frame[4:]


def main():
    address, stream, names = sys.argv[1], sys.argv[2], sys.argv[3:]
    c = Connection(address)
    c.send(PEER_PROPERTIES, struct.pack(">Ii", 1, 0))
    c.answer(PEER_PROPERTIES)
    c.send(SASL, struct.pack(">I", 2))
    c.answer(SASL)
    login = b"\0guest\0guest"
    c.send(AUTHENTICATE, struct.pack(">I", 3) + text("PLAIN") + struct.pack(">i", len(login)) + login)
    c.send(TUNE, c.answer(TUNE))
    c.send(OPEN, struct.pack(">I", 4) + text("/"))
    c.answer(OPEN)
    for name, offset in zip(names[::2], names[1::2]):
        c.send(STORE, text(name) + text(stream) + struct.pack(">Q", int(offset)))
        while True:
            c.send(QUERY, struct.pack(">I", 5) + text(name) + text(stream))
            code, stored = struct.unpack(">HQ", c.answer(QUERY)[4:14])
            if code == 1 and stored == int(offset):
                break


main()

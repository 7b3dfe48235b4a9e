"""Random messages of tests/lib/rich.proto, compared with Python's protobuf both ways.

protobuf_random.py PROGRAM SCHEMA DESCRIPTORS COUNT [SEED]: PROGRAM is schema_lines, which reads SCHEMA;
DESCRIPTORS is a set that protoc wrote. Prints the seed. Each message goes from Python's bytes to our JSON and back, each
through Python's own reading too.
"""

import base64
import json
import math
import random
import struct
import subprocess
import sys

from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory

program, schema, descriptors, count = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
seed = int(sys.argv[5]) if len(sys.argv) > 5 else random.SystemRandom().randrange(2**32)
print(f"seed {seed}")
rnd = random.Random(seed)
sign = rnd.choice([1, -1])  # of durations: parts of different signs are none together
without_any = False

files = descriptor_pb2.FileDescriptorSet()
with open(descriptors, "rb") as file:
    files.ParseFromString(file.read())
pool = descriptor_pool.DescriptorPool()
for one in files.file:
    pool.Add(one) if hasattr(pool, "Add") else pool.AddSerializedFile(one.SerializeToString())


def type_named(name):
    return message_factory.MessageFactory(pool).GetPrototype(pool.FindMessageTypeByName(name))


All, Thing = type_named("rich.All"), type_named("rich.Thing")
INTS = {1: None, 2: None, 3: (-2**63, 2**63 - 1), 4: (0, 2**64 - 1), 5: (-2**31, 2**31 - 1),
        6: (0, 2**64 - 1), 7: (0, 2**32 - 1), 13: (0, 2**32 - 1), 15: (-2**31, 2**31 - 1),
        16: (-2**63, 2**63 - 1), 17: (-2**31, 2**31 - 1), 18: (-2**63, 2**63 - 1)}


def integer(low, high):
    pick = rnd.random()
    if pick < 0.2:
        return rnd.choice([low, high, 0])
    value = rnd.randrange(2 ** rnd.randrange(1, 64)) * rnd.choice([1, -1])
    return max(low, min(high, value))


def real(single):
    pick = rnd.random()
    if pick < 0.1:
        return rnd.choice([math.inf, -math.inf, math.nan, 0.0, -0.0])
    if pick < 0.5:
        value = rnd.randrange(-10**6, 10**6) / 10 ** rnd.randrange(5)
    else:
        value = struct.unpack("<d", rnd.randbytes(8))[0]
    if not single:
        return value
    try:
        return struct.unpack("<f", struct.pack("<f", value))[0]
    except OverflowError:
        return struct.unpack("<f", rnd.randbytes(4))[0]


def text():
    return "".join(rnd.choice(["a", "Z", "0", " ", "\"", "\\", "\n", "\0", "\x1f", "\x7f", "é", "€",
                               "\U0001f600", "\u2028", "/"]) for _ in range(rnd.randrange(12)))


def scalar(field):
    if field.type in (field.TYPE_DOUBLE, field.TYPE_FLOAT):
        return real(field.type == field.TYPE_FLOAT)
    if field.type == field.TYPE_BOOL:
        return rnd.random() < 0.5
    if field.type == field.TYPE_STRING:
        return text()
    if field.type == field.TYPE_BYTES:
        return rnd.randbytes(rnd.randrange(20))
    if field.type == field.TYPE_ENUM:
        values = [value.number for value in field.enum_type.values]
        # An open enum has other numbers too.
        if field.enum_type.file.syntax == "proto3" and field.enum_type.name != "NullValue":
            values.append(integer(-2**31, 2**31 - 1))
        return rnd.choice(values)
    return integer(*INTS[field.type])


def json_value(depth):
    kind = rnd.randrange(6 if depth > 0 else 4)
    if kind == 0:
        return None
    if kind == 1:
        return rnd.random() < 0.5
    if kind == 2:
        return float(rnd.randrange(-10**6, 10**6)) / 8
    if kind == 3:
        return text()
    if kind == 4:
        return [json_value(depth - 1) for _ in range(rnd.randrange(4))]
    return {text(): json_value(depth - 1) for _ in range(rnd.randrange(4))}


def fill_known(message, depth):
    name = message.DESCRIPTOR.full_name
    if name == "google.protobuf.Timestamp":
        message.seconds = rnd.choice([-62135596800, 253402300799, 0, rnd.randrange(-10**10, 10**11)])
        message.nanos = rnd.choice([0, 5 * 10**8, 123000, 999999999, rnd.randrange(10**9)])
    elif name == "google.protobuf.Duration":
        message.seconds = sign * rnd.choice([0, 1, 315576000000, rnd.randrange(10**9)])
        message.nanos = sign * rnd.choice([0, 5 * 10**8, 1000, 1, rnd.randrange(10**9)])
    elif name == "google.protobuf.FieldMask":
        words = ["a", "foo_bar", "x.y_z", "long_name.of_path"]
        message.paths.extend(rnd.choice(words) for _ in range(rnd.randrange(1, 4)))
    elif name == "google.protobuf.Any" and without_any:
        return True
    elif name == "google.protobuf.Any":
        # A type with fields, and one with a form of its own.
        inner = type_named(rnd.choice(["rich.Thing", "google.protobuf.Duration",
                                       "google.protobuf.Struct", "google.protobuf.Empty"]))()
        fill(inner, depth - 1)
        message.type_url = "type.googleapis.com/" + inner.DESCRIPTOR.full_name
        message.value = inner.SerializeToString()
    elif name == "google.protobuf.Value":
        json_format.ParseDict(json_value(2), message)
    elif name == "google.protobuf.Struct":
        json_format.ParseDict({text(): json_value(2) for _ in range(rnd.randrange(4))}, message)
    elif name == "google.protobuf.ListValue":
        json_format.ParseDict([json_value(2) for _ in range(rnd.randrange(4))], message)
    else:
        return False
    return True


def fill_field(message, field, depth):
    if field.message_type and field.message_type.GetOptions().map_entry:
        key, value = field.message_type.fields
        entries = getattr(message, field.name)
        for _ in range(rnd.randrange(4)):
            if value.message_type:
                fill(entries[scalar(key)], depth - 1)
            else:
                entries[scalar(key)] = scalar(value)
    elif field.label == field.LABEL_REPEATED:
        values = (message.Extensions[field] if field.is_extension else getattr(message, field.name))
        for _ in range(rnd.randrange(4)):
            if field.message_type:
                fill(values.add(), depth - 1)
            else:
                values.append(scalar(field))
    elif field.message_type:
        inner = message.Extensions[field] if field.is_extension else getattr(message, field.name)
        inner.SetInParent()
        fill(inner, depth - 1)
    elif field.is_extension:
        message.Extensions[field] = scalar(field)
    else:
        setattr(message, field.name, scalar(field))


def fill(message, depth):
    if fill_known(message, depth):
        return
    fields = list(message.DESCRIPTOR.fields)
    if message.DESCRIPTOR.is_extendable:
        fields += pool.FindAllExtensions(message.DESCRIPTOR)
    for field in fields:
        if field.label != field.LABEL_REQUIRED:
            if rnd.random() < 0.7 or (field.message_type and depth <= 0):
                continue
        fill_field(message, field, depth)


def run(what, lines):
    data = "".join(line + "\n" for line in lines)
    done = subprocess.run([program, schema, "rich.All", what], input=data.encode(),
                          stdout=subprocess.PIPE, check=True)
    return done.stdout.decode().split("\n")[:-1]


# Python prints repeated extensions by their short names, so rich_proto2.proto has none.
messages = []
for _ in range(count):
    message = All()
    fill(message, 3)
    messages.append(message)
# Parts of one message may stand apart on the wire, and in any order.
wire = [m.SerializeToString() for m in messages]
without_any = True
for i in range(1, count, 3):
    message = All()
    fill(message, 2)
    wire[i] = message.SerializeToString() + wire[i]
messages = [All.FromString(w) for w in wire]

bad = 0


def differs(i, what, ours, theirs):
    global bad
    bad += 1
    if bad <= 3:
        print(f"message {i}, {what}:\n  ours   {ours}\n  Python {theirs}\n"
              f"  bytes  {base64.b64encode(wire[i]).decode()}")


def printed(message):
    return json_format.MessageToJson(message, descriptor_pool=pool, indent=None)


def same(ours, theirs):
    """The numbers 1 and 1.0 are one, -0.0 and 0 are two."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return ours.keys() == theirs.keys() and all(same(ours[k], theirs[k]) for k in ours)
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(same, ours, theirs))
    if ours == 0 and isinstance(ours, float) and isinstance(theirs, float):
        return math.copysign(1, ours) == math.copysign(1, theirs) and theirs == 0
    return ours == theirs and isinstance(ours, bool) == isinstance(theirs, bool)


ours = run("decode", [base64.b64encode(w).decode() for w in wire])
theirs = [printed(m) for m in messages]
for i, (a, b) in enumerate(zip(ours, theirs)):
    try:
        equal = same(json.loads(a), json.loads(b))
    except ValueError:
        equal = False
    if not equal:
        differs(i, "as JSON", a, b)
# Our JSON, read by Python; Python's JSON, read by us; and ours by us.
# As JSON again, because the order of a map in an Any's bytes is nobody's.
for i, line in enumerate(ours):
    try:
        back = printed(json_format.Parse(line, All(), descriptor_pool=pool))
        if not same(json.loads(back), json.loads(theirs[i])):
            differs(i, "our JSON read by Python", back, theirs[i])
    except json_format.ParseError as error:
        differs(i, "our JSON read by Python", line, error)
for what, lines in (("Python's JSON encoded", theirs), ("our JSON encoded", ours)):
    for i, line in enumerate(run("encode", lines)):
        if line.startswith("error"):
            differs(i, what, line, lines[i])
            continue
        back = printed(All.FromString(base64.b64decode(line)))
        if not same(json.loads(back), json.loads(theirs[i])):
            differs(i, what, back, theirs[i])
for i, line in enumerate(run("check", [base64.b64encode(w).decode() for w in wire])):
    if line != "valid":
        differs(i, "checked", line, "valid")
print(f"{count} messages, {bad} differences")
sys.exit(bad > 0)

"""mqtk's Avro beside Apache's library for Python (package avro): the same random schemas and values
through both, both ways. Reading with another schema is compared with fastavro when that is here,
as Apache's asks more of the schemas than the specification does.

avro_peer.py cases TOOL SEED N   data both ways, with bytes changed at random; resolution
avro_peer.py files TOOL SEED N   container files both ways, N for each codec that both have
TOOL is avro_cases of the tests' programs. Prints the seed and how many cases there were; what
differs is printed, and the status is 1.
"""

import io
import json
import random
import struct
import subprocess
import sys
import tempfile

import avro.codecs
import avro.datafile
import avro.errors
import avro.io
import avro.schema

try:
    import fastavro
except ImportError:
    fastavro = None

PRIMITIVE = ["null", "boolean", "int", "long", "float", "double", "bytes", "string"]


class Tool:
    """avro_cases, a question at a time."""

    def __init__(self, path):
        self.process = subprocess.Popen(
            [path], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, *parts):
        self.process.stdin.write("\t".join(parts).encode() + b"\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().decode()
        if not answer:
            sys.exit("avro_cases ended with %r at %r" % (self.process.wait(), parts))
        kind, _, rest = answer.rstrip("\n").partition("\t")
        return kind == "ok", rest


class Maker:
    """Random schemas, and values of them in the forms of both libraries."""

    def __init__(self, rng):
        self.rng = rng
        self.names = 0

    def name(self):
        self.names += 1
        return "T%d" % self.names

    def schema(self, depth):
        r = self.rng
        kind = r.random()
        if depth <= 0 or kind < 0.4:
            return r.choice(PRIMITIVE)
        if kind < 0.5:
            return {"type": "array", "items": self.schema(depth - 1)}
        if kind < 0.58:
            return {"type": "map", "values": self.schema(depth - 1)}
        if kind < 0.65:
            return {"type": "enum", "name": self.name(), "namespace": "n.e",
                    "symbols": ["S%d" % i for i in range(r.randint(1, 5))]}
        if kind < 0.7:
            return {"type": "fixed", "name": "n.f." + self.name(), "size": r.randint(1, 20)}
        if kind < 0.82:
            branches, seen = [], set()
            for _ in range(r.randint(1, 4)):
                branch = self.schema(depth - 1)
                if isinstance(branch, list) or branch_name(branch) in seen:
                    continue
                # Either may be read as the other: fastavro takes the first of the two, Java
                # and mqtk the one of that type.
                if branch in ("string", "bytes") and seen & {"string", "bytes"}:
                    continue
                seen.add(branch_name(branch))
                branches.append(branch)
            return branches or ["null"]
        return {"type": "record", "name": "n.r." + self.name(),
                "fields": [{"name": "f%d" % i, "type": self.schema(depth - 1)}
                           for i in range(r.randint(0, 6))]}

    def value(self, schema):
        """(value for the library, JSON encoding of the specification)"""
        r = self.rng
        if isinstance(schema, list):
            branch = r.choice(schema)
            value, text = self.value(branch)
            return value, text if branch == "null" else {branch_name(branch): text}
        kind = schema if isinstance(schema, str) else schema["type"]
        if kind == "null":
            return None, None
        if kind == "boolean":
            return (r.random() < 0.5,) * 2
        if kind == "int":
            return (r.choice([0, -1, 2**31 - 1, -2**31, r.randint(-1000, 1000)]),) * 2
        if kind == "long":
            return (r.choice([0, 2**63 - 1, -2**63, r.randint(-10**12, 10**12)]),) * 2
        if kind == "float":
            bits = struct.pack("<I", r.getrandbits(32) & 0xbfffffff)
            return (struct.unpack("<f", bits)[0],) * 2
        if kind == "double":
            bits = struct.pack("<Q", r.getrandbits(64) & 0xbfffffffffffffff)
            return (r.choice([129.95, -0.1, 1e22, 0.0, 5.0, struct.unpack("<d", bits)[0]]),) * 2
        if kind == "bytes":
            value = bytes(r.getrandbits(8) for _ in range(r.randint(0, 12)))
            return value, value.decode("latin-1")
        if kind == "string":
            return ("".join(r.choice("ab\"\\\n\x01é€😀") for _ in range(r.randint(0, 10))),) * 2
        if kind == "array":
            pairs = [self.value(schema["items"]) for _ in range(r.randint(0, 4))]
            return [p[0] for p in pairs], [p[1] for p in pairs]
        if kind == "map":
            pairs = {"k%dé" % i: self.value(schema["values"]) for i in range(r.randint(0, 4))}
            return ({k: p[0] for k, p in pairs.items()}, {k: p[1] for k, p in pairs.items()})
        if kind == "enum":
            return (r.choice(schema["symbols"]),) * 2
        if kind == "fixed":
            value = bytes(r.getrandbits(8) for _ in range(schema["size"]))
            return value, value.decode("latin-1")
        pairs = {f["name"]: self.value(f["type"]) for f in schema["fields"]}
        return ({k: p[0] for k, p in pairs.items()}, {k: p[1] for k, p in pairs.items()})

    def evolved(self, schema):
        """A reader's schema that may, or may not, read what schema wrote."""
        r = self.rng
        kind = schema if isinstance(schema, (str, list)) else schema["type"]
        if isinstance(schema, list):
            return [self.evolved(b) if not isinstance(b, str) else b for b in schema]
        if r.random() < 0.08:
            return r.choice(PRIMITIVE)
        if isinstance(schema, str):
            wider = {"int": ["long", "double"], "long": ["double"], "float": ["double"]}
            if r.random() < 0.3 and schema in wider:
                return r.choice(wider[schema])
            return [schema, "null"] if schema != "null" and r.random() < 0.1 else schema
        new = dict(schema)
        if kind == "array":
            new["items"] = self.evolved(schema["items"])
        elif kind == "map":
            new["values"] = self.evolved(schema["values"])
        elif kind == "enum":
            new["symbols"] = [s for s in schema["symbols"] if r.random() < 0.9] or ["X"]
        elif kind == "record":
            fields = [{**f, "type": self.evolved(f["type"])}
                      for f in schema["fields"] if r.random() < 0.85]
            r.shuffle(fields)
            if r.random() < 0.4:
                added, text = r.choice([
                    ("string", "dé"), ("int", -7), ("double", 0.5), (["null", "int"], None),
                    ({"type": "array", "items": "long"}, [1, 2]), ("boolean", True),
                    ({"type": "map", "values": "int"}, {"a": 1}), ("long", 2**40)])
                fields.append({"name": "new", "type": added, "default": text})
            new["fields"] = fields
        return new


def branch_name(schema):
    if isinstance(schema, str):
        return schema
    if schema["type"] in ("array", "map"):
        return schema["type"]
    space = schema.get("namespace")
    return schema["name"] if space is None else space + "." + schema["name"]


def json_of(schema, value):
    """A value that the library read, without the names of branches."""
    if isinstance(value, bytes):
        return value.decode("latin-1")
    if isinstance(value, list):
        return [json_of(None, v) for v in value]
    if isinstance(value, dict):
        return {k: json_of(None, v) for k, v in value.items()}
    return value


def bare(text):
    return json.loads(text)


def encode(schema, value):
    out = io.BytesIO()
    avro.io.DatumWriter(schema).write(value, avro.io.BinaryEncoder(out))
    return out.getvalue()


def cases(tool, seed, count):
    rng = random.Random(seed)
    maker = Maker(rng)
    wrong = resolved = refused = 0

    def differs(what, *parts):
        nonlocal wrong
        wrong += 1
        print("DIFFERS:", what, *(repr(p)[:600] for p in parts))

    for _ in range(count):
        plain = maker.schema(4)
        text = json.dumps(plain)
        schema = avro.schema.parse(text)
        value, form = maker.value(plain)
        raw = encode_as(schema, plain, value, form)
        good, got = tool.ask("decode", text, raw.hex(), "0")
        if not good or not alike(json.loads(got), form):
            differs("decode", text, got, form)
            continue
        good, back = tool.ask("encode", text, got)
        if not good or back != raw.hex():
            differs("encode", text, back, raw.hex())
        # What comes out bare goes in again; of which branch may be another one.
        good, got = tool.ask("decode", text, raw.hex(), "2")
        good, back = tool.ask("encode", text, got) if good else (False, got)
        good, again = tool.ask("decode", text, back, "2") if good else (False, back)
        if not good or not alike(json.loads(again), json.loads(got)):
            differs("bare", text, got, again)
        damage(tool, rng, text, raw, differs)
        outcome = resolve(tool, maker, plain, schema, raw, differs)
        resolved += outcome == 1
        refused += outcome == 0
    print("seed %d: %d cases, %d read with another schema, %d refused by both, %d differ"
          % (seed, count, resolved, refused, wrong))
    return 1 if wrong or resolved < count // 10 else 0


def alike(one, other):
    """As json, but for numbers that a branch of less precision took."""
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(alike, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(alike(one[k], other[k]) for k in one)
    if isinstance(one, float) or isinstance(other, float):
        return struct.pack("<f", one) == struct.pack("<f", other)
    return one == other


def encode_as(schema, plain, value, form):
    """The library picks a union's branch by itself, so each branch is written on its own."""
    out = io.BytesIO()
    put(avro.io.BinaryEncoder(out), plain, value, form, schema)
    return out.getvalue()


def put(encoder, plain, value, form, schema):
    if isinstance(plain, list):
        for i, branch in enumerate(plain):
            if branch == "null" if form is None else branch_name(branch) in form:
                encoder.write_long(i)
                put(encoder, branch, value, form and form[branch_name(branch)],
                    schema.schemas[i])
                return
        raise AssertionError("no such branch")
    kind = plain if isinstance(plain, str) else plain["type"]
    if kind == "array":
        if value:
            encoder.write_long(len(value))
        for v, f in zip(value, form):
            put(encoder, plain["items"], v, f, schema.items)
        encoder.write_long(0)
    elif kind == "map":
        if value:
            encoder.write_long(len(value))
        for k in value:
            encoder.write_utf8(k)
            put(encoder, plain["values"], value[k], form[k], schema.values)
        encoder.write_long(0)
    elif kind == "record":
        for field, parsed in zip(plain["fields"], schema.fields):
            put(encoder, field["type"], value[field["name"]], form[field["name"]], parsed.type)
    else:
        avro.io.DatumWriter(schema).write_data(schema, value, encoder)


def damage(tool, rng, text, raw, differs):
    """Whatever was changed, it ends well: with a value, or with exit code 7."""
    for _ in range(3):
        changed = bytearray(raw)
        for _ in range(rng.randint(1, 3)):
            if changed:
                changed[rng.randrange(len(changed))] = rng.getrandbits(8)
        if rng.random() < 0.5:
            del changed[rng.randint(0, len(changed)):]
        good, got = tool.ask("decode", text, bytes(changed).hex(), "0")
        if not good and not got.startswith("7\t"):
            differs("damage", text, bytes(changed).hex(), got)


def resolve(tool, maker, plain, schema, raw, differs):
    """1: both read it as the same; 0: both refused; -1: the library cannot say."""
    reader_plain = maker.evolved(plain)
    text = json.dumps(reader_plain)
    try:
        reader = avro.schema.parse(text)
    except avro.errors.AvroException:
        return -1
    good, got = tool.ask("resolve", json.dumps(plain), text, raw.hex(), "2")
    able, answer = tool.ask("reads", text, json.dumps(plain))
    # Bytes may be read as a string, but then they have to be one.
    if able and answer == "1" and not good and "no UTF-8" not in got:
        differs("readable by the schemas, but not read", json.dumps(plain), text, got)
    try:
        if fastavro:
            want = json_of(None, fastavro.schemaless_reader(io.BytesIO(raw), plain, reader_plain))
        else:
            decoder = avro.io.BinaryDecoder(io.BytesIO(raw))
            want = json_of(None, avro.io.DatumReader(schema, reader).read(decoder))
    except Exception as error:
        # An empty array can be read whatever its items are.
        if good and fastavro and answer == "1":
            differs("refused there", json.dumps(plain), text, got, error)
        return 0 if fastavro or not good else -1
    if not good:
        if "no UTF-8" in got:
            return 0
        differs("refused here", json.dumps(plain), text, got, want)
        return 0
    if not alike(json.loads(got), want):
        differs("resolve", json.dumps(plain), text, got, want)
    return 1


def files(tool, seed, count):
    rng = random.Random(seed)
    maker = Maker(rng)
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        for codec in ["null", "deflate", "snappy", "zstandard", "bzip2", "xz"]:
            library = codec if codec in avro.codecs.KNOWN_CODECS else None
            if not library and not fastavro:
                print("%s: no library here knows it" % codec)
                continue
            for n in range(count):
                # Of a union the libraries take the branch that they like.
                plain = maker.schema(3)
                while "[" in json.dumps(plain).replace('"fields": [', "").replace(
                        '"symbols": [', ""):
                    plain = maker.schema(3)
                data = [maker.value(plain) for _ in range(rng.randint(0, 30))]
                path = "%s/%s.%d.avro" % (folder, codec, n)
                wrong += not file_there(tool, path, library, codec, plain, data)
                wrong += not file_back(tool, path + "2", library, codec, plain, data)
            print("%s: %d files each way, by %s"
                  % (codec, count, "avro" if library else "fastavro"))
    print("seed %d: %d differ" % (seed, wrong))
    return 1 if wrong else 0


def file_there(tool, path, library, codec, plain, data):
    """What the library wrote is read."""
    with open(path, "wb") as out:
        if library:
            parsed = avro.schema.parse(json.dumps(plain))
            writer = avro.datafile.DataFileWriter(out, avro.io.DatumWriter(), parsed, codec=codec)
            for value, _ in data:
                writer.append(value)
            writer.close()
        else:
            fastavro.writer(out, plain, [value for value, _ in data], codec=codec)
    good, got = tool.ask("read", path)
    parts = got.split("\t")
    if good and parts[0] == codec and alike(json.loads(parts[2]), [form for _, form in data]):
        return True
    print("DIFFERS: read", codec, json.dumps(plain)[:300], got[:600])
    return False


def file_back(tool, path, library, codec, plain, data):
    """What we write the library reads."""
    text = json.dumps(plain)
    parsed = avro.schema.parse(text)
    raw = [encode_as(parsed, plain, value, form) for value, form in data]
    if raw == []:
        return True
    good, got = tool.ask("write", path, codec, text, ",".join(r.hex() for r in raw))
    if good:
        with open(path, "rb") as file:
            reader = avro.datafile.DataFileReader(file, avro.io.DatumReader()) if library \
                else fastavro.reader(file)
            if alike([json_of(None, v) for v in reader], [form for _, form in data]):
                return True
    print("DIFFERS: write", codec, text[:300], got[:600])
    return False


def main():
    _, what, path, seed, count = sys.argv
    run = {"cases": cases, "files": files}[what]
    sys.exit(run(Tool(path), int(seed), int(count)))


if __name__ == "__main__":
    main()

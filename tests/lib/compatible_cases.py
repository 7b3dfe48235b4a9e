"""Compatibility as a real registry sees it beside mqtk: each case registered as an old version, the
new one asked about, and `mqtk schema check` asked the same.

compatible_cases.py MQTK REGISTRY   prints what is not as the table says; exit status 1 then

The registry of the tests is Apicurio, whose rules for JSON Schema and Protobuf are its own and not
Confluent's: where they differ from mqtk's, the table says so and why.
"""
import json
import os
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request

TYPE = "application/vnd.schemaregistry.v1+json"
DRAFT = "http://json-schema.org/draft-07/schema#"
OBJECT = {"type": "object", "properties": {"a": {"type": "string"}}}
CLOSED = {**OBJECT, "additionalProperties": False}
PROTO = 'syntax = "proto3"; package p; message M { %s }'


def record(*fields):
    return {"type": "record", "name": "r", "fields": list(fields)}


def also(schema, **more):
    return {**schema, "properties": {**schema["properties"], **more}}


A = {"name": "a", "type": "int"}

# kind, old, new, whether mqtk says yes, and why the registry of the tests does not agree
CASES = [
    ("AVRO", record(A), record({"name": "a", "type": "long"}), True, None),
    ("AVRO", record({"name": "a", "type": "long"}), record(A), False, None),
    ("AVRO", record(A), record(A, {"name": "b", "type": "string"}), False, None),
    ("AVRO", record(A), record(A, {"name": "b", "type": "string", "default": ""}), True, None),
    ("AVRO", record(A), record(), True, None),
    ("AVRO", record(A), record({"name": "b", "type": "int", "aliases": ["a"]}), True, None),
    ("AVRO", record(A), record({"name": "a", "type": ["null", "int"]}), True, None),
    ("AVRO", record({"name": "a", "type": ["null", "int"]}), record(A), False, None),
    ("AVRO", record({"name": "a", "type": "string"}), record({"name": "a", "type": "bytes"}), True,
     None),
    ("AVRO", {"type": "enum", "name": "e", "symbols": ["A", "B"]},
     {"type": "enum", "name": "e", "symbols": ["A"]}, False, None),
    ("AVRO", {"type": "enum", "name": "e", "symbols": ["A", "B"]},
     {"type": "enum", "name": "e", "symbols": ["A"], "default": "A"}, True, None),
    ("AVRO", {"type": "fixed", "name": "f", "size": 4}, {"type": "fixed", "name": "f", "size": 8},
     False, None),
    ("JSON", OBJECT, also(OBJECT, b={"type": "number"}), False, None),
    ("JSON", also(OBJECT, b={"type": "number"}), OBJECT, True, None),
    ("JSON", CLOSED, also(CLOSED, b={"type": "number"}), True, None),
    ("JSON", also(CLOSED, b={"type": "number"}), CLOSED, False, None),
    ("JSON", OBJECT, {**OBJECT, "required": ["a"]}, False, None),
    ("JSON", {**OBJECT, "required": ["a"]}, OBJECT, True, None),
    ("JSON", OBJECT, CLOSED, False, None),
    ("JSON", CLOSED, OBJECT, True, None),
    ("JSON", {"type": "integer"}, {"type": "number"}, True, None),
    ("JSON", {"type": "number"}, {"type": "integer"}, False, None),
    ("JSON", {"type": "string"}, {"type": "number"}, False, None),
    ("JSON", {"type": "string", "maxLength": 5}, {"type": "string", "maxLength": 4}, False, None),
    ("JSON", {"type": "string", "maxLength": 4}, {"type": "string", "maxLength": 5}, True, None),
    ("JSON", {"type": "number", "maximum": 5}, {"type": "number", "maximum": 4}, False, None),
    ("JSON", {"type": "string", "enum": ["a"]}, {"type": "string", "enum": ["a", "b"]}, True,
     None),
    ("JSON", {"type": "string", "enum": ["a", "b"]}, {"type": "string", "enum": ["a"]}, False,
     None),
    ("JSON", {"type": "string"}, {"type": ["string", "null"]}, True,
     "it does not look into lists of types"),
    ("JSON", {"type": ["string", "null"]}, {"type": "string"}, False, None),
    ("JSON", {"type": "array", "items": {"type": "integer"}},
     {"type": "array", "items": {"type": "number"}}, True, None),
    ("JSON", {"type": "array"}, {"type": "array", "minItems": 1}, False, None),
    ("PROTOBUF", PROTO % "int32 a = 1;", PROTO % "int32 a = 1; string b = 2;", True, None),
    ("PROTOBUF", PROTO % "int32 a = 1;", PROTO % "string a = 1;", False, None),
    ("PROTOBUF", PROTO % "int32 a = 1;", PROTO % "int64 a = 1;", True,
     "it knows no types that have one form on the wire"),
    ("PROTOBUF", PROTO % "int32 a = 1;", PROTO % "int32 a = 1;" + " message N { }", True, None),
    ("PROTOBUF", PROTO % "int32 a = 1;" + " message N { }", PROTO % "int32 a = 1;", False,
     "it looks at fields, and N has none"),
]


def ask(url, method, path, body):
    request = urllib.request.Request(url + path, json.dumps(body).encode(),
                                     {"Content-Type": TYPE}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        sys.exit("%s %s: %d %s" % (method, path, error.code, error.read()[:300]))


def theirs(url, number, kind, old, new):
    subject = "compatible-%d-%d" % (os.getpid(), number)
    ask(url, "POST", "/subjects/%s/versions" % subject, {"schema": old, "schemaType": kind})
    ask(url, "PUT", "/config/%s" % subject, {"compatibility": "BACKWARD"})
    answer = ask(url, "POST", "/compatibility/subjects/%s/versions/latest" % subject,
                 {"schema": new, "schemaType": kind})
    return answer["is_compatible"]


def ours(mqtk, kind, old, new):
    with tempfile.TemporaryDirectory() as folder:
        names = []
        for name, text in ("old", old), ("new", new):
            names.append(os.path.join(folder, name))
            with open(names[-1], "w") as file:
                file.write(text)
        done = subprocess.run([mqtk, "schema", "check", "-q", "-J", "--type", kind.lower()] + names,
                              capture_output=True, text=True)
    if done.returncode not in (0, 1):
        sys.exit("mqtk: %d %s" % (done.returncode, done.stderr))
    return json.loads(done.stdout)["compatible"]


def main():
    mqtk, url = sys.argv[1:]
    wrong = 0
    for number, (kind, old, new, expected, why) in enumerate(CASES):
        if kind == "JSON":  # the registry of the tests knows it by this
            old, new = {"$schema": DRAFT, **old}, {"$schema": DRAFT, **new}
        texts = [s if isinstance(s, str) else json.dumps(s) for s in (old, new)]
        registry, here = theirs(url, number, kind, *texts), ours(mqtk, kind, *texts)
        if here != expected or (registry != expected) != (why is not None):
            wrong += 1
            print("%s %s -> %s: expected %s%s, mqtk %s, the registry %s" % (
                kind, *texts, expected, " (and not there: %s)" % why if why else "", here,
                registry))
    print("%d cases, %d not as expected" % (len(CASES), wrong))
    sys.exit(1 if wrong else 0)


main()

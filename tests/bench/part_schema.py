"""Payloads and schemas: JSON Schema and Avro, on one core, beside other implementations."""

import json
import os
import random
import subprocess

from timing import BARE, HEAD, MQTK, Job, compare, head_of_file, instruction_table, instructions, rows

TITLE = "Schemas"
ORDERS = 300_000
FEW = 20_000
HERE = os.path.dirname(os.path.abspath(__file__))
SCRIPTS = os.path.join(HERE, "..", "..", "scripts")

ID = {"type": "string", "pattern": "^o-[0-9]+$"}
CUSTOMER = {"type": "object", "required": ["id"], "additionalProperties": False, "properties": {
    "id": {"type": "integer", "minimum": 1},
    "country": {"type": "string", "minLength": 2, "maxLength": 2}}}
LINE = {"type": "object", "required": ["sku", "qty", "price"], "additionalProperties": False, "properties": {
    "sku": {"type": "string", "minLength": 1, "maxLength": 20},
    "qty": {"type": "integer", "minimum": 1, "maximum": 1000},
    "price": {"type": "number", "exclusiveMinimum": 0}}}
SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object",
    "required": ["id", "type", "ts", "customer", "lines", "total", "currency"],
    "additionalProperties": False,
    "properties": {
        "id": ID, "type": {"enum": ["order.created", "order.paid", "order.cancelled"]},
        "ts": {"type": "integer", "minimum": 0}, "customer": CUSTOMER,
        "lines": {"type": "array", "minItems": 1, "items": LINE},
        "total": {"type": "number", "minimum": 0}, "currency": {"enum": ["EUR", "USD", "GBP"]},
        "note": {"type": "string", "maxLength": 100}}}

AVRO = {"type": "record", "name": "shop.Order", "fields": [
    {"name": "id", "type": "string"},
    {"name": "type", "type": {"type": "enum", "name": "Type", "symbols": ["created", "paid"]}},
    {"name": "ts", "type": "long"},
    {"name": "customer", "type": {"type": "record", "name": "Customer", "fields": [
        {"name": "id", "type": "int"}, {"name": "country", "type": "string"}]}},
    {"name": "lines", "type": {"type": "array", "items": {"type": "record", "name": "Line", "fields": [
        {"name": "sku", "type": "string"}, {"name": "qty", "type": "int"},
        {"name": "price", "type": "double"}]}}},
    {"name": "total", "type": "double"},
    {"name": "note", "type": ["null", "string"]}]}


def orders(path):
    """Lines of 198 bytes: a note fills them up."""
    rng = random.Random(7)
    with open(path, "w", encoding="ascii") as out:
        for i in range(ORDERS):
            order = {"id": f"o-{1000000 + i}", "type": rng.choice(["order.created", "order.paid"]),
                     "ts": 1760000000000 + i,
                     "customer": {"id": rng.randint(10000, 99999), "country": "DE"},
                     "lines": [{"sku": f"A-{rng.randint(0, 9999):04}", "qty": rng.randint(1, 9),
                                "price": rng.randint(100, 9999) / 100}],
                     "total": rng.randint(1000, 99999) / 100, "currency": "EUR", "note": ""}
            text = json.dumps(order, separators=(",", ":"))
            out.write(f'{text[:-2]}{"n" * (198 - len(text))}{text[-2:]}\n')
    return path


def peers(files):
    """The other implementations that are here, or can be had."""
    found = {}
    got = subprocess.run([os.path.join(SCRIPTS, "pypi.sh"), "packages",
                          os.path.join(HERE, "..", "python", "jsonschema_rs.txt")],
                         stdout=subprocess.PIPE, text=True, check=False)
    if got.returncode == 0:
        found["jsonschema-rs 0.60.3 in Python"] = [
            "env", f"PYTHONPATH={got.stdout.strip()}", os.path.join(SCRIPTS, "python.sh"),
            os.path.join(HERE, "check_orders.py"), *files]
    got = subprocess.run([os.path.join(SCRIPTS, "npm.sh"), os.path.join(HERE, "..", "node", "ajv")],
                         stdout=subprocess.PIPE, text=True, check=False)
    if got.returncode == 0:
        found["ajv 8.20.0 in node"] = [
            "env", f"NODE_PATH={got.stdout.strip()}", "node", os.path.join(HERE, "check_orders.js"), *files]
    return found


def avro_orders(path, count):
    """As orders, for Avro: about 90 bytes each when they are encoded."""
    rng = random.Random(7)
    with open(path, "w", encoding="ascii") as out:
        for i in range(count):
            json.dump({"id": f"o-{1000000 + i}", "type": rng.choice(["created", "paid"]),
                       "ts": 1760000000000 + i,
                       "customer": {"id": rng.randint(10000, 99999), "country": "DE"},
                       "lines": [{"sku": f"A-{rng.randint(0, 9999):04}", "qty": rng.randint(1, 9),
                                  "price": rng.randint(100, 9999) / 100} for _ in range(2)],
                       "total": rng.randint(1000, 99999) / 100,
                       "note": {"string": "n" * 20} if i % 2 else None}, out)
            out.write("\n")
    return path


def avro(folder, rounds):
    """Avro to JSON, beside fastavro when it can be had."""
    schema, data = os.path.join(folder, "order.avsc"), os.path.join(folder, "orders.avro")
    with open(schema, "w", encoding="utf-8") as out:
        json.dump(AVRO, out)
    argv = [f"{BARE}/decode_orders", schema, avro_orders(os.path.join(folder, "avro"), ORDERS), data]
    subprocess.run(argv, stdout=subprocess.DEVNULL, check=True)
    rate = r"decoded, (\d+)/s"
    jobs = {"the decoder alone": Job(argv, own_rate=rate, target="≥ 1,000,000/s")}
    got = subprocess.run([os.path.join(SCRIPTS, "pypi.sh"), "packages",
                          os.path.join(HERE, "..", "python", "avro.txt")],
                         stdout=subprocess.PIPE, text=True, check=False)
    if got.returncode == 0:
        jobs["fastavro 1.12.1 and json in Python"] = Job(
            ["env", f"PYTHONPATH={got.stdout.strip()}", os.path.join(SCRIPTS, "python.sh"),
             "--with", "pip", os.path.join(HERE, "decode_orders.py"), data], own_rate=rate)
    return list(rows("Avro: decode to JSON", compare(jobs, rounds, ORDERS), ORDERS))


def run(folder, rounds):
    schema = os.path.join(folder, "order.json")
    with open(schema, "w", encoding="utf-8") as out:
        json.dump(SCHEMA, out)
    lines = orders(os.path.join(folder, "orders"))
    rate = r"valid, (\d+)/s"
    jobs = {"the validator alone": Job([f"{BARE}/check_orders", schema, lines], own_rate=rate,
                                       target="≥ 1,000,000/s"),
            "mqtk schema validate": Job([MQTK, "schema", "validate", "--schema", schema, lines])}
    jobs |= {name: Job(argv, own_rate=rate) for name, argv in peers([schema, lines]).items()}
    table = HEAD + list(rows("JSON Schema: parse and check", compare(jobs, rounds, ORDERS), ORDERS))
    table += avro(folder, rounds)
    few = head_of_file(lines, FEW)
    table += instruction_table([
        ("JSON Schema: parse and check", instructions([f"{BARE}/check_orders", schema, few], None, FEW))])
    return table + ["", f"{ORDERS:,} orders of 198 bytes."]

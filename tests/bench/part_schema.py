"""Checking payloads by schemas: JSON Schema, on one core, beside other implementations."""

import json
import os
import random
import shutil
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
    ajv = ["node", os.path.join(HERE, "check_orders.js"), *files]
    if shutil.which("node") and subprocess.run(ajv[:3], check=False).returncode == 0:
        found["ajv in node"] = ajv
    return found


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
    few = head_of_file(lines, FEW)
    table += instruction_table([
        ("JSON Schema: parse and check", instructions([f"{BARE}/check_orders", schema, few], None, FEW))])
    return table + ["", f"{ORDERS:,} orders of 198 bytes."]

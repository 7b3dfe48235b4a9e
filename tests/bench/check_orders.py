"""The Rust implementation of JSON Schema, from Python: check_orders.py SCHEMA FILE, as check_orders.c."""

import json
import sys
import time

import jsonschema_rs

with open(sys.argv[1], encoding="utf-8") as file:
    validator = jsonschema_rs.validator_for(json.load(file))
with open(sys.argv[2], "rb") as file:
    lines = file.read().splitlines()
begin = time.perf_counter()
valid = sum(validator.is_valid(json.loads(line)) for line in lines)
print(f"{valid} of {len(lines)} valid, {len(lines) / (time.perf_counter() - begin):.0f}/s")
sys.exit(valid != len(lines))

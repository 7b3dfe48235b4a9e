"""Checks JSON lines against a schema of this project: schema.py SCHEMA FILE

Each line has to be one JSON value without a name that stands twice, and at least one line is
expected. Prints what is wrong and ends with 1.
"""
import json
import sys
from pathlib import Path

from jsonschema import validators


def once(pairs):
    names = [name for name, _ in pairs]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise ValueError(f"names that stand twice: {sorted(twice)}")
    return dict(pairs)


def no_constant(name):
    raise ValueError(f"{name} is no JSON")


def validator_of(path):
    """The validator of a schema, and those of its members that are another file's."""
    with open(path, encoding="utf-8") as file:
        schema = json.load(file)
    others = {}
    for name, member in schema.get("properties", {}).items():
        if str(member.get("$ref", "")).endswith(".json"):
            others[name] = validator_of(Path(path).parent / member.pop("$ref"))[0]
    return validators.validator_for(schema)(schema), others


def main(schema_path, lines_path):
    validator, others = validator_of(schema_path)
    wrong = []
    count = 0
    with open(lines_path, encoding="utf-8", newline="\n") as file:
        for count, line in enumerate(file, 1):
            try:
                value = json.loads(line, object_pairs_hook=once, parse_constant=no_constant)
            except ValueError as error:
                wrong.append(f"line {count}: {error}")
                continue
            for error in validator.iter_errors(value):
                wrong.append(f"line {count}: {error.json_path}: {error.message}")
            for name, other in others.items():
                for error in other.iter_errors(value.get(name)):
                    wrong.append(f"line {count}: {name}: {error.json_path}: {error.message}")
    if count == 0:
        wrong.append("no line")
    print(*wrong, sep="\n", end="\n" if wrong else "")
    return 1 if wrong else 0


sys.exit(main(*sys.argv[1:]))

"""Checks JSON lines against a schema of this project: schema.py SCHEMA FILE

Each line has to be one JSON value without a name that stands twice, and at least one line is
expected. Prints what is wrong and ends with 1.
"""
import json
import sys

from jsonschema import validators


def once(pairs):
    names = [name for name, _ in pairs]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise ValueError(f"names that stand twice: {sorted(twice)}")
    return dict(pairs)


def no_constant(name):
    raise ValueError(f"{name} is no JSON")


def main(schema_path, lines_path):
    with open(schema_path, encoding="utf-8") as file:
        schema = json.load(file)
    validator = validators.validator_for(schema)(schema)
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
    if count == 0:
        wrong.append("no line")
    print(*wrong, sep="\n", end="\n" if wrong else "")
    return 1 if wrong else 0


sys.exit(main(*sys.argv[1:]))

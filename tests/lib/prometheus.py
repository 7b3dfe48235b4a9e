"""Reads Prometheus' text format as Prometheus' own library does: prometheus.py FILE

Prints each sample as "name{label=value,…} value", sorted. Ends with 1 when FILE cannot be read, a
metric has no help or no type, a series stands twice, or what belongs to one metric stands apart.
"""
import sys

from prometheus_client.parser import text_string_to_metric_families


def main(path):
    with open(path, encoding="utf-8", newline="") as file:
        text = file.read()
    if not text.endswith("\n") or "\r" in text:
        raise ValueError("lines have to end in a line feed")
    names = set()
    samples = {}
    for family in text_string_to_metric_families(text):
        if not family.documentation or family.type in ("unknown", "untyped"):
            raise ValueError(f"{family.name} has no help or no type")
        if family.name in names:
            raise ValueError(f"{family.name} stands in two places")
        names.add(family.name)
        if not family.samples:
            raise ValueError(f"{family.name} has no sample")
        for sample in family.samples:
            labels = ",".join(f"{k}={v}" for k, v in sorted(sample.labels.items()))
            series = f"{sample.name}{{{labels}}}"
            if series in samples:
                raise ValueError(f"{series} stands twice")
            samples[series] = sample.value
    if not samples:
        raise ValueError("no sample")
    for series in sorted(samples):
        print(f"{series} {samples[series]:g}")


try:
    main(sys.argv[1])
except ValueError as error:
    sys.exit(f"{sys.argv[1]}: {error}")

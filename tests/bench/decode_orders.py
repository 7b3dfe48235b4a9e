"""Avro to JSON by fastavro: decode_orders.py FILE. Prints at what rate the data came out."""

import io
import json
import sys
import time

import fastavro

with open(sys.argv[1], "rb") as file:
    data = io.BytesIO(file.read())
begin = time.monotonic()
n = 0
for order in fastavro.reader(data):
    json.dumps(order)
    n += 1
print("%d decoded, %.0f/s" % (n, n / (time.monotonic() - begin)))

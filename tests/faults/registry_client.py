"""A client of schema registries that shares nothing with mqtk: registry_client.py URL COMMAND ARGUMENT…

get SUBJECT VERSION | id N | register SUBJECT TYPE FILE [NAME SUBJECT VERSION]… | subjects
It prints what was answered, keys sorted; the text of a schema alone with get-text and id-text."""
import json
import sys
import urllib.parse
import urllib.request

url, command, *args = sys.argv[1:]


def ask(method, path, body=None):
    request = urllib.request.Request(url + path, method=method,
                                     data=json.dumps(body).encode() if body else None,
                                     headers={"Content-Type": "application/vnd.schemaregistry.v1+json"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)


def quote(text):
    return urllib.parse.quote(text, safe="")


if command == "register":
    subject, kind, path, *rest = args
    references = [{"name": rest[i], "subject": rest[i + 1], "version": int(rest[i + 2])}
                  for i in range(0, len(rest), 3)]
    with open(path, encoding="utf-8", newline="") as file:
        print(ask("POST", f"/subjects/{quote(subject)}/versions",
                  {"schemaType": kind, "schema": file.read(), "references": references})["id"])
elif command in ("id", "id-text"):
    got = ask("GET", f"/schemas/ids/{args[0]}")
elif command in ("get", "get-text"):
    got = ask("GET", f"/subjects/{quote(args[0])}/versions/{args[1]}")
elif command == "subjects":
    print(json.dumps(sorted(ask("GET", "/subjects"))))
if command in ("id-text", "get-text"):
    sys.stdout.buffer.write(got["schema"].encode())
elif command in ("id", "get"):
    print(json.dumps(got, sort_keys=True))

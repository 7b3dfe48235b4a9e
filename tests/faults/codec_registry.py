"""A schema registry of a few lines, which counts what it is asked and can fail.

codec_registry.py FILE: FILE is JSON, {"1": {"schemaType": …, "schema": …, "guid": …}}; subjects are
named NAME-value after the id. Prints its port, then a line for each request. While FILE.down is
there, every answer is 503.
"""
import http.server
import json
import os
import sys

path = sys.argv[1]


class Registry(http.server.BaseHTTPRequestHandler):
    def answer(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/vnd.schemaregistry.v1+json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        print("GET", self.path, flush=True)
        if os.path.exists(path + ".down"):
            return self.answer(503, {"error_code": 50301, "message": "going for a walk"})
        with open(path, encoding="utf-8") as file:
            schemas = json.load(file)
        parts = self.path.split("?")[0].strip("/").split("/")
        for number, schema in schemas.items():
            if parts[:2] == ["schemas", "ids"] and parts[2] == number:
                return self.answer(200, schema)
            if parts[:2] == ["schemas", "guids"] and parts[2] == schema.get("guid"):
                return self.answer(200, dict(schema, id=int(number)))
            if parts[0] == "subjects" and parts[1] == schema.get("subject"):
                return self.answer(200, dict(schema, id=int(number), version=1))
        return self.answer(404, {"error_code": 40403, "message": "Schema not found"})

    def log_message(self, *args):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Registry)
print(server.server_address[1], flush=True)
server.serve_forever()

"""A schema registry that answers what it was told: fake_registry.py ANSWERS [LOG [PEM CA]].

ANSWERS is a JSON file: {"GET /schemas/ids/1": ANSWER, …}; for a list the first request gets the first
one, and so on; the last one stays. What is not in it is 404 with error code 40403. ANSWER is an object:
status (200), json or text (the body), gzip (true: compressed), headers {}; or do: "hang", "close", "cut"
(a length that never comes), "chunks" (broken ones), "huge" (100 MB), "raw" with text (the bytes as they
are).
With PEM (key and certificate) it speaks TLS, and wants a certificate that CA has signed.
It prints its URL and serves until it is killed. LOG gets a line for each request: method, path,
authorization or -, accept, content type or -, body."""
import gzip
import json
import ssl
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

answers = json.load(open(sys.argv[1]))
log = open(sys.argv[2], "a") if len(sys.argv) > 2 else None
lock = threading.Lock()
over = threading.Event()


def next_answer(key):
    with lock:
        answer = answers.get(key)
        if isinstance(answer, list):
            return answer.pop(0) if len(answer) > 1 else answer[0]
        return answer or {"status": 404, "json": {"error_code": 40403, "message": "Schema not found"}}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def serve(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        if log:
            with lock:
                print(self.command, self.path, self.headers.get("Authorization", "-"),
                      self.headers.get("Accept", "-"), self.headers.get("Content-Type", "-"), body,
                      file=log, flush=True)
        answer = next_answer(f"{self.command} {self.path}")
        do = answer.get("do")
        if do == "hang":
            over.wait()
        elif do == "raw":
            self.wfile.write(answer["text"].encode("latin-1"))
            self.close_connection = True
        elif do == "cut":
            self.wfile.write(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"schema":')
            self.close_connection = True
        elif do == "chunks":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                             b"5\r\n{\"sch\r\nzz\r\nema\r\n0\r\n\r\n")
            self.close_connection = True
        elif do == "huge":
            self.send_response(200)
            self.send_header("Content-Length", str(100 << 20))
            self.end_headers()
            for _ in range(100):
                self.wfile.write(b" " * (1 << 20))
        elif do == "close":
            self.close_connection = True
        else:
            text = json.dumps(answer["json"]) if "json" in answer else answer.get("text", "")
            body = text.encode()
            self.send_response(answer.get("status", 200))
            for name, value in answer.get("headers", {}).items():
                self.send_header(name, value)
            if answer.get("gzip"):
                body = gzip.compress(body)
                self.send_header("Content-Encoding", "gzip")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_DELETE = serve

    def log_message(self, *_):
        pass

    def handle(self):
        try:
            super().handle()
        except OSError:
            pass  # the client is gone


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
scheme = "http"
if len(sys.argv) > 3:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(sys.argv[3])
    tls.load_verify_locations(sys.argv[4])
    tls.verify_mode = ssl.CERT_REQUIRED
    # The handshake belongs to the thread of the connection.
    server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    scheme = "https"
print(f"{scheme}://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()

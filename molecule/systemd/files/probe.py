"""Runs what is posted to its UNIX socket as a shell command, so that a test sees the service's sandbox from inside."""

import http.server
import json
import os
import socketserver
import subprocess
import sys
import time


class Probe(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.answer({})

    def do_POST(self):
        command = self.rfile.read(int(self.headers["Content-Length"])).decode()
        result = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, timeout=20, check=False)
        self.answer({"rc": result.returncode, "output": result.stdout + result.stderr})

    def answer(self, data):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(data).encode())

    def address_string(self):
        return "unix"

    def log_date_time_string(self):
        """The journal's own time is later: when it came to read this."""
        return str(time.monotonic())


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


path = sys.argv[1]
if os.path.exists(path):
    os.unlink(path)
Server(path, Probe).serve_forever()

"""Stands in for a person's server, so that a hundred fit on a machine: answers on its socket as if it were one."""

import os
import socketserver
import sys
from http.server import BaseHTTPRequestHandler


class Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.send_response(200)
        self.send_header("X-JupyterHub-Version", "6.0.0")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def address_string(self):
        return "socket"

    def log_message(self, *_words):
        pass


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


(path,) = (option.partition("=")[2] for option in sys.argv if option.startswith("--ServerApp.sock="))
os.umask(0o000)  # its directory is closed to others
Server(path, Answer).serve_forever()

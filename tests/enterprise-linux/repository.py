"""Serves /srv/repo/HOST for each host name, over TLS, on the socket that systemd hands over."""

import http.server
import os
import socket
import ssl

ROOT = "/srv/repo"


class Handler(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # A client that keeps silent holds only its own thread, and not for ever.
    timeout = 30

    def translate_path(self, path):
        host = (self.headers.get("Host") or "").partition(":")[0]
        self.directory = os.path.join(ROOT, os.path.basename(host) or "nobody")
        return super().translate_path(path)


class Server(http.server.ThreadingHTTPServer):
    def __init__(self, listener, context):
        super().__init__(listener.getsockname(), Handler, bind_and_activate=False)
        self.socket.close()
        # The handshake belongs to the connection's own thread.
        self.socket = context.wrap_socket(listener, server_side=True, do_handshake_on_connect=False)


# systemd's first socket (sd_listen_fds(3)).
listener = socket.socket(fileno=3)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("/usr/share/standin/repository.crt", "/usr/share/standin/repository.key")
Server(listener, context).serve_forever()

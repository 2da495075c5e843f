"""Judges patroni.yml files (JSON on stdin: name to text) by Patroni's own schema.

What only the node itself can answer is taken as answered well: that addresses are reachable or
free, and that PostgreSQL's programs are in their folder. Prints the complaints, one a line.
"""
import json
import sys

import yaml
from patroni import validator


class Network:
    """Every address that a client connects to answers, none that is listened on is taken."""

    def connect_ex(self, _address):
        return 1 if sys._getframe(1).f_locals.get("listen") else 0

    def close(self):
        pass


class Sockets:
    AI_PASSIVE = SOCK_STREAM = 1
    AF_INET6 = validator.socket.AF_INET6
    gaierror = validator.socket.gaierror
    inet_aton = staticmethod(validator.socket.inet_aton)
    inet_pton = staticmethod(validator.socket.inet_pton)
    socket = staticmethod(lambda *_: Network())
    getaddrinfo = staticmethod(lambda host, port, *_: [(2, 1, 6, "", (host or "0.0.0.0", port))])


validator.socket = Sockets
validator.Directory.validate = lambda self, name: iter(())
for kind in ("BinDirectory",):
    if hasattr(validator, kind):
        getattr(validator, kind).validate = lambda self, name: iter(())

for name, text in sorted(json.load(sys.stdin).items()):
    for complaint in validator.schema(yaml.safe_load(text)):
        print(f"{name}: {complaint}")

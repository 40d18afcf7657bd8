"""Listens on a unix socket and never responds. Returns when it listens; the child stays."""

import os
import socket
import sys

listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen(64)
if os.fork() != 0:
    os._exit(0)
os.setsid()
null = os.open("/dev/null", os.O_RDWR)
for descriptor in (0, 1, 2):
    os.dup2(null, descriptor)
connections = []
while True:
    connections.append(listener.accept())

"""Has one connection, and counts the lines that come back over it: talk.py ADDRESS PORT FILE"""

import pathlib
import socket
import sys
import time

address, port, file = sys.argv[1:]
connection = socket.create_connection((address, int(port)), timeout=10)
stream = connection.makefile("rwb")
written = pathlib.Path(f"{file}.new")
count = 0
while True:
    stream.write(b"%d\n" % count)
    stream.flush()
    if stream.readline() != b"%d\n" % count:
        sys.exit("the connection is dead")
    count += 1
    written.write_text(str(count))
    written.replace(file)  # who reads it finds a whole number
    time.sleep(0.1)  # a person types, and need not fill the processor

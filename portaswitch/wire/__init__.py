"""
Wire formats without I/O: octets in, values out. Each subpackage is one protocol; nothing here knows of
sockets, the reactor, the clock or the database.
"""

"""
RADIUS on the wire (RFC 2865, 2866, 2868, 2869, 5176, 5997), without I/O.

- :mod:`.dictionary`: the attributes and vendors, read from text files; everything else goes by their names;
- :mod:`.codec`: requests in, replies out, and the client's side of both;
- :mod:`.packet`: what a decoded packet offers;
- :mod:`.crypto`: the MD5 constructions of the protocol.
"""

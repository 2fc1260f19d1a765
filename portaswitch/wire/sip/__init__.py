"""
SIP on the wire (RFC 3261 and those that mend it), without I/O and without a clock.

- :mod:`.grammar`, :mod:`.uri`, :mod:`.values`: texts to values and back; what can't be read is None;
- :mod:`.headers`, :mod:`.message`: a message in memory; :mod:`.parse`: octets to a message or a fault;
- :mod:`.build`: messages and the answers to them; nothing of a value gets to start a new line;
- :mod:`.framing`: datagrams and streams; :mod:`.admission`: what a server refuses before it looks at the content;
- :mod:`.table`, :mod:`.transaction`, :mod:`.transactions`: the machines of section 17;
- :mod:`.challenge`: digest log-ins.
"""

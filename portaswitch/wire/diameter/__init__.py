"""
Diameter on the wire (RFC 6733, RFC 8506, 3GPP TS 32.299), without I/O.

- :mod:`.dictionary`: AVPs, commands and their grammar, read from text files; everything else goes by names;
- :mod:`.framing`: messages out of a stream;
- :mod:`.codec`: octets to messages and back; what is wrong with a message is a value of it (:mod:`.faults`);
- :mod:`.message`: what a decoded message offers;
- :mod:`.node`: the peers of this node and their connections; below it :mod:`.peer` (RFC 6733 5.6),
  :mod:`.watchdog` (RFC 3539) and :mod:`.capabilities` (RFC 6733 5.3).
"""

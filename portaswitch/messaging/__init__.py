"""
The business of instant messages, free of wire details.

- :mod:`.registrar`: what a REGISTER makes of the contacts of an account (RFC 3261 10.3); :mod:`.charging`: the money of a message;
- :mod:`.verdict`: what answers of recipients mean; :mod:`.relay`: from the hold to the delivery; :mod:`.notify`: texts of the server's own.
"""

"""
The bench: how fast the server is beside FreeRADIUS on one database, and whether answers and balances agree,
also after crashes.

`bench/run` measures, `bench/crash` kills. Standard library only, and nothing of the server's own code: see
README.rst.
"""

"""
The database: the only package that holds SQL.

`embedded` runs a private PostgreSQL, `pool` and `listen` are the connections to any PostgreSQL, `migrate`
brings the schema of `schema/` into it, `secrets` seals what must not be readable in it.  The other modules
are the queries, one module a topic.
"""

"""
The compiled wheel: the same server, its hot path made native code by mypyc.

    modules.txt     which modules
    fitness.py      what of a module mypyc can't compile, and why
    written_out.py  dataclasses as plain classes, which become native ones
    described.py    goes with them: what `dataclasses` looks at
    tree.py         the copy of the sources that is compiled
    __main__.py     `python -m compiled`

The sources stay as they are and run as they are; nothing in them knows of this.
"""

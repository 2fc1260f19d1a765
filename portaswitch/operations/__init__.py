"""
What an operator does, the same from API, command line, console and files: validation, rights and audit around
the store's interfaces.
"""

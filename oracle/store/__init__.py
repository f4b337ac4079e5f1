"""Durable storage of one oracle.

Everything that knows SQL is in this package: `database` runs it, the other
modules are functions of a connection, one module a subject. Another database
replaces this package and nothing else.
"""

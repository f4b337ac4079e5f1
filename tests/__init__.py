"""Tests, in folders that mirror the packages they are about.

A package, because one of Ape's dependencies installs a package `tests` of its own.
"""

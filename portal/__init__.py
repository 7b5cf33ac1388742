"""Klimakontrakt: from clause to settled sanction, one report at a time."""

import sys

import pysqlite3
import pysqlite3.dbapi2

# One SQLite library per process, and a current one: the system's may carry the rare WAL-reset fault (fixed in 3.51.3).
# It stands in before anything else can import sqlite3.
sys.modules["sqlite3"] = pysqlite3
sys.modules["sqlite3.dbapi2"] = pysqlite3.dbapi2

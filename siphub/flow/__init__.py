"""The story, one file per step: accept, relay, deliver, receipts, withdraw, sweep, and what people do and read.

Every step takes the `Ground` it stands on. Nothing here knows a database, a broker or a web framework by name, and nothing but these
steps changes state, always in the same five moves: lock the case, load, decide, save everything decided, commit.
"""

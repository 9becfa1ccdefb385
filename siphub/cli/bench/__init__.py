"""The figures behind `siphub bench`: a hub in a process of its own, a bare chain to compare it with, and the world outside both.

Everything is measured from outside, by the process that hands messages in and is the partner as well: one clock, and no word of the hub's is
taken for it. It must never touch a hub, a database or a broker that was there before.
"""

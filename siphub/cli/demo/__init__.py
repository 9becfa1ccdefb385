"""The demo: one SIP travels between three municipal units on this machine, and a fourth that nobody consented to hears nothing of it.

    script     what a seed decides: who is left out, in which order, at which times
    stage      a temporary folder with sandbox partners, a hub built as `up` builds it, its directory, its keys, its door
    play       the story, told to the hub by HTTP only
    books      what the partners' own ledgers hold, beside the hub's view

It must never write outside its temporary folder, and never ask the hub anything but over HTTP once the curtain is up.
"""

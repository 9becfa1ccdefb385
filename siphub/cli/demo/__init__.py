"""The demo: one SIP travels on this machine to a region, two municipalities, two agencies and the family; some of them hear nothing of it.

    script     what a seed decides: who is left out, in which order, at which times, whom the consent is taken back from
    partners   who is reached how, and what lies in whose own book
    stage      a temporary folder with the partners, a hub built as `up` builds it, its directory, its keys, its door
    queues     taking the demo's queues away from a RabbitMQ that was lent
    play       the story, told to the hub by HTTP only
    silence    what must not lie with whom
    books      what the partners' own ledgers hold, beside the hub's view

It must never write outside its temporary folder, and never ask the hub anything but over HTTP once the curtain is up.
"""

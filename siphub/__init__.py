"""siphub: an integration hub for the Swedish SIP (samordnad individuell plan).

It carries a SIP's messages from the unit that calls the meeting to each of the others, each with what it may see and nothing more.
The package's front door holds only the version: importing it does no work and opens nothing.
"""

__version__ = "0.1.0"

"""The command line: `siphub …`. Each command is a function with its help; whatever is heavy is imported when the command runs.

Exit status 0 is done, 1 is that the answer is no, 2 is wrong use. An error is one line on stderr with its code, never a traceback.
It must never print a key that already exists, or a person's data that was not asked for.
"""

from siphub.cli.command_line import main

__all__ = ["main"]

"""Every decision siphub makes, pure: values in, values out, no clock, no store, no network.

`authority` says who may say what, `case` (with `step`, `consent`, `meetings` and `plans`) what a message does to a case, `disclosure` who may
see it and how much, `routing` where it goes, `lifecycle` which states follow which, `retry` when to try again.
"""

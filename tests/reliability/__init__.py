"""What the generated app stands: faults, races, load, many machines, abuse, operations.

Each test runs in a short form with the others, and in a long one with ``make soak``, which writes
what was done, how often, and what was lost into docs/reliability.md.
"""

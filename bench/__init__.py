"""What converge costs, beside what the same answers cost at least: `python -m bench`, as root.

Floor and candidate are measured in one run, in turns, and compared as a ratio, because figures depend on the machine and ratios
hardly do. Nothing here is a test and nothing fails by being slow; the table says by how much a goal is missed.
"""

"""How much the fuzz tests have tried: a fuzz test that tries next to nothing proves nothing, so the summary says it."""

from collections import Counter

TRIES: Counter[str] = Counter()
"""What was tried, by the name of the codec, in this process."""

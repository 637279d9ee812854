"""Choosing, before anything runs, how an answer is best obtained."""

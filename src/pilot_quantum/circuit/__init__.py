"""Circuits as values: reading them, writing them, observables on them, exact reference values.

Pure: nothing here knows a pilot, a task or a session.
"""

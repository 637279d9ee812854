"""Carrying out what the planner proposes, on a session's pilots."""

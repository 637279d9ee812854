"""Q-Dreamer: what running a circuit in one way or another would take. Pure functions over data: nothing starts here."""

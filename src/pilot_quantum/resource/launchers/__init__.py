"""How a pilot's capacity is obtained."""

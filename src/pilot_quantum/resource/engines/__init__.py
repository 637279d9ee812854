"""What runs tasks inside a pilot."""

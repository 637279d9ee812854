"""Cut circuits: fragments run as tasks, and one answer put together from them."""

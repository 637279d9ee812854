"""Cost models, one a file, each usable alone: what a way of running takes, term by term."""

"""Pilots as jobs of a batch system: a script template, a state table and output parsers for each, one launcher."""

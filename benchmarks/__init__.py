"""Benchmarks, one question a module: `uv run python -m benchmarks.NAME [--json]`; see docs/benchmarks.md."""

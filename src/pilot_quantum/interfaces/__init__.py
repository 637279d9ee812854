"""Faces that users already know, thin over L2 and L3."""

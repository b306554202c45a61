"""Measurements against simulated devices; see README.md in this folder."""

"""Simulated devices of one simulated house, for development and tests only."""

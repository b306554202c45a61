"""Measures the Conext client against reading value by value, and the Pylontech decoder against a published one."""

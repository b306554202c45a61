"""The controllers: pure decisions on what a device should do next. No clock, no input or output."""

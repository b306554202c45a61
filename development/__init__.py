"""Tools for developing Local Solar that the demo and the end-to-end tests share. Not part of what is installed."""

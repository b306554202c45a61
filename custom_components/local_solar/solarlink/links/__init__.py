"""Ways to reach a device, and the rules that hold on each of them, written once for all families."""

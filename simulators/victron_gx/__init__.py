"""A simulated Victron GX: its D-Bus with the services around the battery."""

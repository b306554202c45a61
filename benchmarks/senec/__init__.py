"""A SENEC.Home: what a cycle costs on the wire, what is decoded wrongly, and how well energy is summed up."""

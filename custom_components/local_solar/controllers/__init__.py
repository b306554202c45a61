"""What carries out the decisions of the controllers in ``solarlink.control``."""

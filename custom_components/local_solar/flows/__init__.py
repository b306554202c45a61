"""What single families want to be asked beyond the common forms."""

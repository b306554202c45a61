"""Actions on installations whose devices can do more than their entities show. ``services.py`` registers them."""

"""Voltronic: how many charges are finished, and what one look at an inverter costs on its slow line."""

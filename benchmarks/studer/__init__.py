"""How long one look at a Studer installation takes: ours, one value per request, and published clients of others."""

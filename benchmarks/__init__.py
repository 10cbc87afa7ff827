"""What tracking costs, as ratios measured within one run: machines are noisy, ratios less so."""

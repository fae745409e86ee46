"""Random faults against real processes for a long while, and what must hold at the end."""

"""Comparisons of speed: contenders take turns in one run, and their medians are compared as ratios."""

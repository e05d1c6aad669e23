"""Studies of real CNNs; what they have found is in ``reports/results``, and the page is rebuilt from there."""

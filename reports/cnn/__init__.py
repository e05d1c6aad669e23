"""Studies of real CNNs: is accuracy kept, is the rate kept."""

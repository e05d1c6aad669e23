"""How AAT enters the rates: the three readings of "approximate method"."""

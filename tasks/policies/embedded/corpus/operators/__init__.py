"""One file per operator: the approaches people take to it, from the naive to the expert."""

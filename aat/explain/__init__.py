"""Why did it predict that? The score of a class as an exact sum of the votes that it heard."""

"""The evaluation step: a Ray pool of judges, each with a device of its own."""

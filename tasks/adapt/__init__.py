"""Gradient steps at test time."""

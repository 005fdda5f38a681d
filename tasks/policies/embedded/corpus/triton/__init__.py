"""Approaches in Triton, for the GPU: one file per operator or family of operators."""

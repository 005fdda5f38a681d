"""The rescoring step: log-probabilities of stored completions under any policy."""

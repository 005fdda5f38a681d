"""The sampling step: a policy in a Ray actor, and the shard that it draws."""

"""Who makes the steps. `local` trains here, with peft and torch."""

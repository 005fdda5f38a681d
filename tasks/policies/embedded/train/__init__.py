"""Trains the embedded policy from scratch on the corpus beside it: tokenizer, model, card.

    python -m tasks.policies.embedded.train --minutes 8 --device cuda --workers 7 --out DIR
    python -m tasks.policies.embedded.train --minutes 40 --threads 2 --out DIR

The second line trains on a CPU: far fewer examples, so more slips of the pen in what it writes.

`DIR` then loads as `--policy embedded:DIR`, or with transformers, vLLM and peft like any Llama.
"""

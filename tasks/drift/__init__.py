"""Nights compared: did the machine, a reference, a kernel or a verdict change? docs/nights.md.

`nights` what each run measured, as arrays · `noise` how far nights differ without a change ·
`changes` the tests · `verdicts` statuses that changed · `surroundings` what else differs between
the runs · `compute` and `document` all of it · `words` the sentences.
"""

"""The probe: what steps of adaptation do to draws that are already there.

The same draws of the base model are scored under every checkpoint. Do the likely ones become the
fast ones, or do they only become likelier (over-sharpening)? And what do a checkpoint's own draws
look like: how varied, how far from the base, how many of them hacks?

`draws` what is scored · `step` scores under one checkpoint, into the table `probes` · `association`
ρ within problems, pooled · `scores` what the table holds · `findings` what it comes to.
"""

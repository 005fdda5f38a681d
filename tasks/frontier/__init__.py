"""The arms of adaptations, compared at the same budget. docs/adaptation.md explains.

`load` runs from the lake · `owed` what they have yet to draw · `stages` draws as arrays · `curves`
what a budget buys · `costs` and `price` what it costs · `study` all arms by unit · `boa` the best
checkpoint · `compare` paired tests · `guards` and `anchors` whether the evaluator stood still ·
`verdict` what is shown, decided once · `words` the sentences · `compute` and `document` all of it.
"""

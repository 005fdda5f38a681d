"""The report's figures: one pure function a file, from rows to a `plotly.graph_objects.Figure`.

None means that there is nothing to draw. Colours of text and grid come from the page (light, dark,
print), so a figure sets only those of its data: mid tones that stand on either ground.
"""

from tasks.report.figures.budget import Spent, budget
from tasks.report.figures.by_run import by_run
from tasks.report.figures.cost import cost
from tasks.report.figures.fast_p import fast_p
from tasks.report.figures.quartiles import quartiles
from tasks.report.figures.scaling import scaling
from tasks.report.figures.speedups import speedups
from tasks.report.figures.spread import spread
from tasks.report.figures.status import status
from tasks.report.figures.strategy_bars import strategy_bars
from tasks.report.figures.strategy_curves import strategy_curves
from tasks.report.figures.surprisal import surprisal

__all__ = [
    "Spent",
    "budget",
    "by_run",
    "cost",
    "fast_p",
    "quartiles",
    "scaling",
    "speedups",
    "spread",
    "status",
    "strategy_bars",
    "strategy_curves",
    "surprisal",
]

"""The commands of `bon`: the flows' own, and `serve`, which needs the catalogue of deployments."""

from __future__ import annotations

from typing import Annotated

import typer

from flows.cli import app

__all__ = ["app", "serve"]


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Where to start a Prefect server.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Its port.")] = 4200,
) -> None:
    """Register all deployments and run what is asked of them, until interrupted.

    Against the Prefect API of PREFECT_API_URL; without it, against a server started here, which
    asks for credentials: the lines to type in another terminal are printed.
    """
    from deployments.serve import serving_api

    with serving_api(host, port) as served:
        from deployments.runner import serve_catalogue  # Prefect reads its settings once

        serve_catalogue(served)

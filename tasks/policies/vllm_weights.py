"""Where a model's files lie, and what identifies them."""

from __future__ import annotations

from pathlib import Path

from tasks.errors import RequestError

_FILES = ["*.json", "*.safetensors", "*.bin", "*.model", "*.txt", "*.jinja"]


def resolve_model(model: str, revision: str | None) -> tuple[Path, bytes]:
    """(directory, identity): the bytes of a local model's files, the commit of one on the hub.

    Downloads what is not in the hub's cache. Raises RequestError if there is no such model.
    """
    from tasks.policies.causal_lm import fingerprint

    path = Path(model).expanduser()
    if path.is_dir():
        if revision is not None:
            raise RequestError(f"{model!r} is a directory and has no revision; leave it out")
        if not (path / "config.json").is_file():
            raise RequestError(f"no model in {model!r}: give a directory with a config.json")
        return path, fingerprint(path)
    if model.startswith(("/", ".", "~")):
        raise RequestError(f"no model in {model!r}: give a directory with a config.json")
    from huggingface_hub import snapshot_download

    try:
        found = Path(snapshot_download(model, revision=revision, allow_patterns=_FILES))
    except Exception as error:  # the hub's errors share no base
        reason = " ".join(str(error).split())[:200]
        raise RequestError(f"no model {model!r}, as directory or on the hub: {reason}") from error
    return found, f"{model}@{found.name}".encode()

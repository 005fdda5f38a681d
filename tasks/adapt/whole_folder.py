"""A folder that is there with all of its files, or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

from tasks.errors import TrainingError


@contextmanager
def whole_folder(folder: Path, what: str) -> Iterator[Path]:
    """A path beside `folder`, where nothing is yet; with the block's end it is renamed to that.

    Raises TrainingError, naming `what` was to be saved, if files cannot be written. Whatever the
    block raises, nothing is left.
    """
    partial = folder.with_name(f".{folder.name}.partial")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        yield partial
        partial.rename(folder)
    except (OSError, SafetensorError) as error:
        reason = " ".join(str(error).split())
        raise TrainingError(
            f"cannot save {what} in {folder}: {reason}; free space there, or mend its rights, and "
            "go on with the same run"
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)

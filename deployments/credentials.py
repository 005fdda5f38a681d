"""The credentials of the server that `bon serve` starts, kept where only its user can read them."""

from __future__ import annotations

import os
from pathlib import Path

from flows.errors import RequestError
from flows.prefect_server import CLIENT_AUTH, SERVER_AUTH, new_auth


def prefect_home() -> Path:
    """Where Prefect keeps its state: `PREFECT_HOME`, else `~/.prefect`."""
    return Path(os.environ.get("PREFECT_HOME") or "~/.prefect").expanduser().absolute()


def private_folder() -> Path:
    """`bon-serve` in Prefect's home, closed to others as is the database beside it.

    Raises RequestError if it cannot be made, or is another user's.
    """
    home = prefect_home()
    folder = home / "bon-serve"
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        folder.chmod(0o700)
        for file in home.glob("prefect.db*"):
            file.chmod(0o600)
    except OSError as error:
        raise RequestError(
            f"PREFECT_HOME={home} cannot be used ({error.strerror}); name a directory of yours"
        ) from None
    return folder


def given_auth() -> str | None:
    """What the user's environment says; None if it says nothing.

    Raises RequestError if it contradicts itself or is not USER:PASSWORD.
    """
    client, server = os.environ.get(CLIENT_AUTH), os.environ.get(SERVER_AUTH)
    if client and server and client != server:
        raise RequestError(f"{CLIENT_AUTH} and {SERVER_AUTH} differ; unset one of them")
    auth = client or server or None
    if auth is not None and not all(auth.partition(":")):
        raise RequestError(f"{CLIENT_AUTH} is not of the form USER:PASSWORD; mend it, or unset it")
    return auth


def kept_auth(folder: Path) -> tuple[str, Path]:
    """The credentials kept in `folder`, made on first use, and the file (mode 0600) they are in.

    Raises RequestError if the file is a link, or holds something else.
    """
    file = folder / "auth"
    if file.is_symlink():
        raise RequestError(f"{file} is a symbolic link; remove it, and credentials are made anew")
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except FileExistsError:
        file.chmod(0o600)
    else:
        with os.fdopen(descriptor, "w") as fresh:
            fresh.write(new_auth() + "\n")
    auth = file.read_text().strip()
    if not all(auth.partition(":")):
        raise RequestError(f"{file} holds no USER:PASSWORD; remove it, and it is made anew")
    return auth, file

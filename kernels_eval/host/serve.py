"""The judge's side of the channel, in the container: starts a judge and passes requests on."""

from __future__ import annotations

import contextlib
import gc
import os
import socket
from typing import TYPE_CHECKING, Any

from kernels_eval.host import wire
from kernels_eval.host.answers import Answers
from kernels_eval.host.changes import ProcessState
from kernels_eval.host.shelf import FarShelf
from kernels_eval.sandbox import heap

if TYPE_CHECKING:
    from kernels_eval.host.nursery import Nursery


def serve(descriptor: int, defences: tuple[str, ...]) -> None:
    """Until the other end hangs up. `defences`: those in force around this process."""
    channel = wire.Channel(socket.socket(fileno=descriptor))
    with contextlib.suppress(wire.ChannelClosedError):
        Server(channel, defences).run()


class Server:
    """A judge that is made on the first request."""

    def __init__(self, channel: wire.Channel, defences: tuple[str, ...]) -> None:
        self._channel = channel
        self._defences = defences
        self._nursery: Nursery | None = None
        self._answers: Answers | None = None

    def run(self) -> None:
        """Raises ChannelClosedError at the end."""
        try:
            while True:
                request = self._channel.receive()
                try:
                    reply = self._reply(request)
                except Exception as error:
                    reply = wire.pack_error(error)
                self._channel.send(reply)
        finally:
            if self._nursery is not None:
                self._nursery.close()

    def _reply(self, request: dict[str, Any]) -> dict[str, Any]:
        if request["do"] == "probe":
            return {"defences": self._defences}
        if request["do"] == "start":
            self._start(request)
            return {"defences": self._defences, "pid": os.getpid()}
        if self._nursery is not None:
            return self._nursery.answer(request)
        assert self._answers is not None
        return self._answers.to(request)

    def _start(self, request: dict[str, Any]) -> None:
        """A process for every problem; on a GPU one for all: no fork survives with its context."""
        gc.disable()  # torch's modules need not be looked through while they come in
        from kernels_eval.host.nursery import Nursery
        from kernels_eval.judge import Judge

        gc.enable()
        gc.freeze()
        config = wire.unpack_config(request["config"])
        shelf = FarShelf()
        judge = Judge(config, shelf=shelf)
        judge.start()
        if config.on_gpu:
            shelf.connect(self._channel)
            self._answers = Answers(judge, ProcessState())
        else:
            heap.fill_holes()  # as in the workers' fork server: see there
            gc.collect()
            gc.freeze()
            self._nursery = Nursery(
                judge, shelf, self._channel, float(request["problem_timeout_s"])
            )

"""A server that speaks the Tinker protocol and trains: torch and peft, text by text, nothing of
ours.

Like the real ones it scales by 32 / rank, exports adapters whose config names no modules, wants
checkpoints to be loaded before anything else, and has all of a session in memory but what it was
told to save.
"""

from __future__ import annotations

import copy
import io
import json
import math
import re
import tarfile
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import save
from tinker.proto import tinker_public_pb2 as wire
from torch import Tensor
from transformers import AutoModelForCausalLM

ALPHA = 32.0
_TYPES = {wire.DTYPE_FLOAT32: np.float32, wire.DTYPE_INT64: np.int64}
_PROTO = "application/x-protobuf"


class RefusedError(Exception):
    """An answer with another status than 200."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status


@dataclass
class Adapter:
    """What the server holds of one training client."""

    rank: int
    base: str
    weights: list[torch.nn.Parameter]
    adam: torch.optim.AdamW
    used: bool = False


@dataclass
class TinkerServer:
    """model: the base's name. loss: `sum`, or `mean` over a text's tokens and then over texts."""

    base: Path
    model: str = "tiny"
    loss: Literal["sum", "mean"] = "sum"
    rank: int | None = None
    """Given whatever is asked for; None: as asked."""
    forgets_at: str | None = None
    """The verb at which it loses its sessions, once."""
    url: str = ""
    adapters: dict[str, Adapter] = field(default_factory=dict)
    saved: dict[str, tuple[Adapter, list[Tensor], Any]] = field(default_factory=dict)
    archives: dict[str, bytes] = field(default_factory=dict)
    sessions: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    """Verbs, in the order in which they came."""

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._answers: dict[str, tuple[int, bytes, str]] = {}
        self._count = 0
        self._nets: dict[int, Any] = {}
        self._silent = False

    def forget(self) -> None:
        """As if it were started anew: what was saved is left."""
        self.sessions.clear()
        self.adapters.clear()

    @contextmanager
    def silent(self) -> Iterator[None]:
        """It takes requests, and their answers are never ready."""
        self._silent = True
        yield
        self._silent = False

    def answer(self, verb: str, body: bytes) -> dict[str, Any]:
        """One request at a time."""
        with self._lock:
            self.asked.append(verb)
            if verb == self.forgets_at:
                self.forgets_at = None
                self.forget()
            handle = getattr(self, f"_on_{verb}", None)
            if handle is None:
                raise RefusedError(404, f"no such verb as {verb}")
            given = body if verb == "forward_backward" else json.loads(body or b"{}")
            found: dict[str, Any] = handle(given)
            return found

    def result(self, request: str) -> tuple[int, bytes, str]:
        if self._silent:
            time.sleep(0.2)
            raise RefusedError(408, "not ready")
        with self._lock:
            if request not in self._answers:
                raise RefusedError(404, "Future not found")
            return self._answers[request]

    def _later(self, result: dict[str, Any] | bytes, status: int = 200) -> dict[str, Any]:
        name = self._name("request")
        if isinstance(result, bytes):
            self._answers[name] = (status, result, _PROTO)
        else:
            self._answers[name] = (status, json.dumps(result).encode(), "application/json")
        return {"request_id": name}

    def _name(self, kind: str) -> str:
        self._count += 1
        return f"{kind}-{self._count}"

    def _held(self, name: str) -> Adapter:
        if name not in self.adapters:
            raise RefusedError(404, "Model not found")
        return self.adapters[name]

    def _on_client_config(self, _: Any) -> dict[str, Any]:
        return {"pjwt_auth_enabled": False}

    def _on_healthz(self, _: Any) -> dict[str, Any]:
        return {"status": "ok"}

    def _on_telemetry(self, _: Any) -> dict[str, Any]:
        return {"status": "accepted"}

    def _on_get_server_capabilities(self, _: Any) -> dict[str, Any]:
        return {"supported_models": [{"model_name": one} for one in self.model.split(",")]}

    def _on_create_session(self, _: Any) -> dict[str, Any]:
        name = self._name("session")
        self.sessions.add(name)
        return {"type": "create_session", "session_id": name}

    def _on_session_heartbeat(self, given: Any) -> dict[str, Any]:
        if given["session_id"] not in self.sessions:
            raise RefusedError(404, "Session not found")
        return {"type": "session_heartbeat"}

    def _on_create_model(self, given: Any) -> dict[str, Any]:
        if given["session_id"] not in self.sessions:
            raise RefusedError(404, "Session not found")
        rank = self.rank or int(given["lora_config"]["rank"])
        if rank > 64:
            return self._later({"detail": f"LoRA rank {rank} must be between 1 and 64"}, 400)
        weights, parameters = [], self._parameters(rank)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(given["lora_config"].get("seed", 0))
            for name, one in parameters:
                fresh = torch.zeros_like(one)
                if ".lora_A." in name:
                    torch.nn.init.kaiming_uniform_(fresh, a=math.sqrt(5))
                weights.append(torch.nn.Parameter(fresh))
        name = self._name("model")
        adam = torch.optim.AdamW(weights, weight_decay=0.0)
        self.adapters[name] = Adapter(rank, given["base_model"], weights, adam)
        return self._later({"model_id": name, "type": "create_model"})

    def _on_get_info(self, given: Any) -> dict[str, Any]:
        held = self._held(given["model_id"])
        data = {"model_name": held.base}
        return {"model_id": given["model_id"], "model_data": data, "lora_rank": held.rank}

    def _on_unload_model(self, given: Any) -> dict[str, Any]:
        self._held(given["model_id"])
        del self.adapters[given["model_id"]]
        return self._later({"type": "unload_model"})

    def _on_forward_backward(self, body: bytes) -> dict[str, Any]:
        asked = wire.ForwardBackwardRequest()
        asked.ParseFromString(body)
        held = self._held(asked.model_id)
        held.used = True
        assert asked.loss_fn == "importance_sampling"
        net = self._net(held)
        found = []
        for datum in asked.data:
            (chunk,) = datum.model_input
            ids = np.frombuffer(chunk.encoded_text.tokens, np.int32).astype(np.int64)
            given = {
                name: torch.tensor(np.frombuffer(one.dense, _TYPES[one.dtype]).copy())
                for name, one in datum.loss_fn_inputs.items()
            }
            with torch.set_grad_enabled(not asked.forward_only):
                logits = net(torch.tensor(ids)[None]).logits[0].log_softmax(-1)
                logprobs = logits.gather(1, given["target_tokens"][:, None])[:, 0]
                loss = -((logprobs - given["logprobs"]).exp() * given["advantages"]).sum()
                if self.loss == "mean":
                    loss = loss / len(ids) / len(asked.data)
                if not asked.forward_only:
                    loss.backward()  # type: ignore[no-untyped-call]
            found.append((float(loss.detach()), logprobs.detach().float().numpy()))
        for own, (_, one) in zip(held.weights, self._parameters(held.rank), strict=True):
            if one.grad is not None:
                own.grad = one.grad.clone() if own.grad is None else own.grad + one.grad
                one.grad = None
        answer = wire.ForwardBackwardOutput(loss_fn_output_type="ArrayRecord")
        if self.loss == "sum":
            answer.metrics["loss:sum"] = sum(loss for loss, _ in found)
        record = answer.loss_fn_outputs.add(num_datums=len(found))
        ends = np.cumsum([0, *(one.nbytes for _, one in found)], dtype=np.int64)
        record.fields["logprobs"].CopyFrom(
            wire.BatchedTensor(
                data=b"".join(one.tobytes() for _, one in found),
                offsets=ends.tobytes(),
                dtype=wire.DTYPE_FLOAT32,
            )
        )
        return self._later(answer.SerializeToString())

    def _on_optim_step(self, given: Any) -> dict[str, Any]:
        held = self._held(given["model_id"])
        asked = given["adam_params"]
        norm = torch.nn.utils.get_total_norm([one.grad for one in held.weights])
        for group in held.adam.param_groups:
            group |= {"lr": asked["learning_rate"], "eps": asked["eps"]}
            group |= {"betas": (asked["beta1"], asked["beta2"])}
        held.adam.step()
        held.adam.zero_grad()
        return self._later({"metrics": {"test/grad_norm": float(norm)}})

    def _on_save_weights(self, given: Any) -> dict[str, Any]:
        held = self._held(given["model_id"])
        path = f"tinker://{given['model_id']}/weights/{given['path']}"
        weights = [one.detach().clone() for one in held.weights]
        self.saved[path] = (held, weights, copy.deepcopy(held.adam.state_dict()))
        return self._later({"path": path, "type": "save_weights"})

    def _on_weights_info(self, given: Any) -> dict[str, Any]:
        if given["tinker_path"] not in self.saved:
            raise RefusedError(404, "Checkpoint not found")
        held = self.saved[given["tinker_path"]][0]
        return {"base_model": held.base, "is_lora": True, "lora_rank": held.rank}

    def _on_load_weights(self, given: Any) -> dict[str, Any]:
        held = self._held(given["model_id"])
        if held.used:
            raise RefusedError(400, "LoadWeights is only permitted as a first request")
        if given["path"] not in self.saved:
            raise RefusedError(404, "Checkpoint not found")
        _, weights, adam = self.saved[given["path"]]
        with torch.no_grad():
            for own, one in zip(held.weights, weights, strict=True):
                own.copy_(one)
        if given["optimizer"]:
            held.adam.load_state_dict(copy.deepcopy(adam))
        return self._later({"path": given["path"], "type": "load_weights"})

    def _on_save_weights_for_sampler(self, given: Any) -> dict[str, Any]:
        held = self._held(given["model_id"])
        names = [name.replace(".default.", ".") for name, _ in self._parameters(held.rank)]
        tensors = {name: one.detach() for name, one in zip(names, held.weights, strict=True)}
        config = LoraConfig(r=held.rank, lora_alpha=ALPHA, base_model_name_or_path=held.base)
        files = {
            "adapter_model.safetensors": save(tensors),
            "adapter_config.json": json.dumps(config.to_dict(), default=str).encode(),
        }
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as tar:
            for name, content in files.items():
                member = tarfile.TarInfo(f"/{name}")
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
        self.archives[f"{given['model_id']}/{given['path']}"] = packed.getvalue()
        return self._later({"path": f"tinker://{given['model_id']}/{given['path']}"})

    def _net(self, held: Adapter) -> Any:
        parameters = self._parameters(held.rank)
        with torch.no_grad():
            for own, (_, one) in zip(held.weights, parameters, strict=True):
                one.copy_(own)
        return self._nets[held.rank]

    def _parameters(self, rank: int) -> list[tuple[str, torch.nn.Parameter]]:
        if rank not in self._nets:
            net: Any = AutoModelForCausalLM.from_pretrained(self.base, dtype=torch.float32)
            config = LoraConfig(r=rank, lora_alpha=ALPHA, target_modules="all-linear")
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self._nets[rank] = get_peft_model(net, config).eval()
        named = self._nets[rank].named_parameters()
        return [(name, one) for name, one in named if one.requires_grad]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    house: TinkerServer

    def do_GET(self) -> None:
        self._do(b"")

    def do_POST(self) -> None:
        self._do(self.rfile.read(int(self.headers.get("content-length", 0))))

    def _do(self, body: bytes) -> None:
        path = self.path.partition("?")[0].removeprefix("/api/v1/")
        try:
            stored = re.fullmatch(r"training_runs/(.+)/checkpoints/(.+)/(archive|download)", path)
            if stored and stored[3] == "archive":
                self._say(
                    302,
                    b"",
                    "text/plain",
                    {
                        "Location": f"{self.house.url}/api/v1/"
                        f"training_runs/{stored[1]}/checkpoints/{stored[2]}/download"
                    },
                )
            elif stored:
                content = self.house.archives[f"{stored[1]}/{stored[2]}"]
                self._say(200, content, "application/octet-stream")
            elif path == "retrieve_future":
                self._say(*self.house.result(json.loads(body)["request_id"]))
            else:
                answer = self.house.answer(path.replace("client/config", "client_config"), body)
                self._say(200, json.dumps(answer).encode(), "application/json")
        except RefusedError as error:
            detail = json.dumps({"detail": str(error)}).encode()
            self._say(error.status, detail, "application/json")

    def _say(
        self, status: int, content: bytes, kind: str, more: dict[str, str] | None = None
    ) -> None:
        self.send_response(status)
        for name, value in {"content-type": kind, **(more or {})}.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(content)))
        with suppress(ConnectionError):  # who asked may be gone
            self.end_headers()
            self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing on stderr."""


@contextmanager
def serving(house: TinkerServer) -> Iterator[TinkerServer]:
    """On a free port of this machine, as long as the block lasts."""
    handler = type("Handler", (_Handler,), {"house": house})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    house.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield house
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

"""A real server that speaks OpenAI's protocol: transformers samples the embedded weights.

`POST /faults` with a list of names makes the next answers fail, one fault each, in order.
`POST /become` with `logprobs`, `processed`, `key`, `context`, `owner`, `loads` or `last_logprob`
(in a list) makes it another kind of server.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections import deque
from collections.abc import AsyncIterator
from pathlib import Path
from threading import Lock
from typing import Any

import torch
import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from tasks.errors import AdapterError
from tasks.policies import continuous
from tasks.policies.base import Sample, SamplingParams
from tasks.policies.causal_lm import CausalLMPolicy
from tasks.policies.embedded import WEIGHTS
from tasks.problems.base import Problem

MODEL = "embedded"
STALL_SECONDS = 30.0


class Server:
    def __init__(self) -> None:
        self.model = CausalLMPolicy(
            name="served",
            path=WEIGHTS,
            params=SamplingParams(),
            template="$source",
            device=torch.device("cpu"),
        )
        self.logprobs, self.processed, self.key, self.owner = True, False, "", "tests"
        self.adapters: dict[str, Path] = {}
        self.loads = True
        self.context: int | None = None
        self.last_logprob: list[float | None] = []
        self.faults: deque[str] = deque()
        self.asked = self.answered = 0
        self.lock = Lock()

    async def completions(self, request: Request) -> Response:
        if self.key and request.headers.get("Authorization") != f"Bearer {self.key}":
            said = f"Incorrect key: {request.headers.get('Authorization')}"
            return JSONResponse({"error": {"message": said}}, 401)
        self.asked += 1
        body = await request.json()
        fault = self.faults.popleft() if self.faults else ""
        if fault == "die":
            os._exit(1)
        if fault == "stall":
            await asyncio.sleep(STALL_SECONDS)
        if fault.isdecimal():
            headers = {"Retry-After": "1"} if fault in ("429", "503") else {}
            return JSONResponse({"error": {"message": "injected"}}, int(fault), headers)
        document = await run_in_threadpool(self.answer, body, "chat" in request.url.path)
        if fault == "malformed":
            return Response('{"choices": [{"text": "', media_type="application/json")
        if fault == "empty":
            return JSONResponse({"choices": [], "usage": {}})
        if fault == "truncate":
            whole = JSONResponse(document).body

            async def half() -> AsyncIterator[bytes]:
                yield bytes(whole[: len(whole) // 2])

            return StreamingResponse(half(), headers={"Content-Length": str(len(whole))})
        self.answered += 1
        # As servers in Python do that let NaN through, which JSON lacks.
        return Response(json.dumps(document), media_type="application/json")

    def answer(self, body: dict[str, Any], chat: bool) -> dict[str, Any]:
        prompt = body["messages"][0]["content"] if chat else body["prompt"]
        ids = (
            prompt if isinstance(prompt, list) else list(self.model._tokenizer(prompt)["input_ids"])
        )
        with self.lock:
            self.model.set_adapter(self.adapters.get(body["model"]))
            sample = self.draw(ids, body)
            top = self.top(ids, body)
            given = self.given(ids) if "prompt_logprobs" in body else None
        texts = [self.model._tokenizer.decode([one]) for one in sample.token_ids]
        choice: dict[str, Any] = {"index": 0, "finish_reason": sample.finish_reason}
        if chat:
            choice["message"] = {"role": "assistant", "content": sample.completion}
        else:
            choice["text"] = sample.completion
        if self.logprobs and body.get("logprobs") not in (None, False):
            choice["logprobs"] = self.told(sample, texts, top, chat)
        if body.get("return_token_ids"):
            choice["token_ids"] = list(sample.token_ids)
        choice["prompt_logprobs"] = given
        used = {"prompt_tokens": len(ids), "completion_tokens": len(sample.token_ids)}
        return {"choices": [choice], "usage": used, "model": MODEL}

    def draw(self, ids: list[int], body: dict[str, Any]) -> Sample:
        mode = "processed_logprobs" if self.processed else "raw_logprobs"
        params = SamplingParams(body["temperature"], body["max_tokens"], logprob_mode=mode)
        batch = continuous.ContinuousBatch(self.model._model, 1, params, self.model._end_ids)
        request = continuous.Request(ids, [body.get("seed", 0)], body["max_tokens"])
        batch.add(request)
        while not request.finished:
            batch.step()
        drawn = request.finished[0]
        problem = Problem("served", 1, 1, "served", "")
        return self.model._finish(problem, len(ids), drawn.tokens, drawn.logprobs)

    @torch.inference_mode()
    def top(self, ids: list[int], body: dict[str, Any]) -> dict[str, float]:
        """Of the first token: what the protocol's top log-probabilities hold."""
        wanted = body.get("top_logprobs") or body.get("logprobs") or 0
        if wanted is True or wanted < 2:
            return {}
        logits = self.model._model(torch.tensor([ids])).logits[0, -1]
        if self.processed:
            logits = logits / body["temperature"]
        best = logits.log_softmax(-1).topk(int(wanted))
        pairs = zip(best.indices.tolist(), best.values.tolist(), strict=True)
        return {self.model._tokenizer.decode([token]): value for token, value in pairs}

    def given(self, ids: list[int]) -> list[dict[str, Any] | None]:
        """Log-probabilities of the prompt's own tokens."""
        (score,) = self.model.score_tokens(ids[:1], [ids[1:]])
        told = zip(ids[1:], score.raw, strict=True)
        return [None, *({str(token): {"logprob": value}} for token, value in told)]

    def told(
        self, sample: Sample, texts: list[str], top: dict[str, float], chat: bool
    ) -> dict[str, Any]:
        tops = [top, *[{} for _ in texts[1:]]]
        values = [*sample.logprobs]
        values = values[: len(values) - len(self.last_logprob)] + self.last_logprob
        if not chat:
            return {"tokens": texts, "token_logprobs": values, "top_logprobs": tops}
        rows = zip(texts, values, tops, strict=True)
        return {
            "content": [
                {
                    "token": text,
                    "bytes": list(text.encode()),
                    "logprob": value,
                    "top_logprobs": [{"token": t, "logprob": v} for t, v in others.items()],
                }
                for text, value, others in rows
            ]
        }

    async def models(self, _: Request) -> Response:
        names = [MODEL, *self.adapters]
        said = {"owned_by": self.owner, "max_model_len": self.context}
        return JSONResponse({"data": [{"id": name} | said for name in names]})

    async def load_adapter(self, request: Request) -> Response:
        told = await request.json()
        if not self.loads:
            return JSONResponse({"detail": "Not Found"}, 404)
        try:
            with self.lock:
                self.model.set_adapter(Path(told["lora_path"]))
        except AdapterError as error:
            return JSONResponse({"error": {"message": str(error)}}, 400)
        self.adapters[told["lora_name"]] = Path(told["lora_path"])
        return Response("Success")

    async def set_faults(self, request: Request) -> Response:
        self.faults = deque(await request.json())
        return JSONResponse({})

    async def become(self, request: Request) -> Response:
        """What the flags of the command line say, while it runs."""
        vars(self).update(await request.json())
        return JSONResponse({})

    async def counts(self, _: Request) -> Response:
        return JSONResponse({"asked": self.asked, "answered": self.answered})


def main(port: int) -> None:
    torch.set_num_threads(1)
    server = Server()
    routes = [
        Route("/v1/models", server.models),
        Route("/v1/load_lora_adapter", server.load_adapter, methods=["POST"]),
        Route("/v1/completions", server.completions, methods=["POST"]),
        Route("/v1/chat/completions", server.completions, methods=["POST"]),
        Route("/faults", server.set_faults, methods=["POST"]),
        Route("/become", server.become, methods=["POST"]),
        Route("/counts", server.counts),
    ]
    uvicorn.run(Starlette(routes=routes), host="127.0.0.1", port=port, log_level="error")

"""Reference row 1: what one writes first. FastAPI, `transformers.pipeline`, a request at a time."""

import os

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel
from transformers import pipeline

classify = pipeline("text-classification", model=os.environ["PEER_MODEL"], device="cpu")
app = FastAPI()


class Request(BaseModel):
    texts: list[str]


@app.get("/ready")
def ready() -> dict[str, bool]:
    return {"ready": True}


@app.post("/classify")
def answer(request: Request) -> list[dict[str, object]]:
    found: list[dict[str, object]] = classify(request.texts, truncation=True)
    return found


uvicorn.run(app, port=int(os.environ["PEER_PORT"]), log_level="warning", access_log=False)

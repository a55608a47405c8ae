"""Serving: open an artefact, score and explain. Needs CatBoost and numpy; reads no settings."""

from ml.inference.artefact import Header, read, write
from ml.inference.model import Model, load, opened
from ml.inference.results import Explanation, Reason, Score, Scores

__all__ = ["Explanation", "Header", "Model", "Reason", "Score", "Scores", "load", "opened", "read", "write"]

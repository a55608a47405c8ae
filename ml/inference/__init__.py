"""Serving: open an artefact, score and explain. Needs CatBoost and numpy once one is opened; reads no settings."""

from ml.inference.opening import load, opened
from ml.inference.results import Explanation, Reason, Score, Scores

__all__ = ["Explanation", "Reason", "Score", "Scores", "load", "opened"]

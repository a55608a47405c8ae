"""Making, judging and watching a model. Needs requirements-ml.txt; nothing here is imported when serving."""

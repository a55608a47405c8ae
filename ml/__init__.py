"""The loan-status model: training, evaluation, explanation and serving. Plain Python: no Django, no `backend`."""

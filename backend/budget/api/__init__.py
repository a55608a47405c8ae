"""The routes of budgets under `/api/management/`: views parse, call a service or a selector, and render."""

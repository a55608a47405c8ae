"""GitHub's workflows and pre-commit: what is checked, and who may deploy (S0-O7, S3-O8, S4-O7, BUG-S3-10)."""

import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".github" / "workflows"
BIN = Path(sys.executable).parent


@cache
def workflow(name: str) -> dict[str, Any]:
    return yaml.safe_load((FOLDER / f"{name}.yml").read_text())


def triggers(name: str) -> dict[str, Any]:
    return workflow(name)[True]  # YAML 1.1 reads the key `on` as a truth


def steps(name: str) -> list[dict[str, Any]]:
    return [step for job in workflow(name)["jobs"].values() for step in job.get("steps", [])]


def test_workflows_are_of_githubs_form():
    command = [BIN / "check-jsonschema", "--builtin-schema", "vendor.github-workflows", *FOLDER.glob("*.yml")]

    found = subprocess.run(command, capture_output=True, text=True)

    assert found.returncode == 0, found.stdout


def test_every_push_is_linted_tested_measured_built_and_scanned():
    """S3-O8."""
    commands = " ".join(step.get("run", "") + step.get("uses", "") for step in steps("checks"))

    assert {"push", "pull_request"} <= set(triggers("checks"))
    assert {"lint", "tests", "image", "scans"} <= set(workflow("checks")["jobs"])
    for word in ("make lint", ".ci/run", "coverage xml", "build-push-action", "pip-audit", "scan-action", "gitleaks"):
        assert word in commands


def test_what_is_called_exists():
    commands = "\n".join(step.get("run", "") for name in ("checks", "deploy") for step in steps(name))
    targets = set(re.findall(r"^([a-z]+):.*##", (ROOT / "Makefile").read_text(), re.M))

    assert set(re.findall(r"\bmake ([a-z]+)", commands)) <= targets
    assert [name for name in re.findall(r"--file (\S+\.yml)", commands) if not (ROOT / name).exists()] == []
    assert (ROOT / ".ci" / "run").exists()


def test_runners_and_actions_are_named_by_version():
    """BUG-S3-10: not one that is retired, nor whatever is newest today."""
    runners = {
        job["runs-on"] for name in ("checks", "deploy") for job in workflow(name)["jobs"].values() if "steps" in job
    }
    used = {step["uses"] for name in ("checks", "deploy") for step in steps(name) if "uses" in step}

    assert runners == {"ubuntu-24.04"}
    assert [action for action in used if not re.search(r"@v\d+", action)] == []


def test_each_environment_deploys_by_its_hook_and_only_after_every_check():
    checks = workflow("checks")["jobs"]
    needed = {"lint", "tests", "image", "scans"}

    for name, condition in (("staging", "refs/heads/main"), ("production", "refs/tags/v")):
        assert set(checks[name]["needs"]) == needed
        assert condition in checks[name]["if"]
        assert "github.event_name == 'push'" in checks[name]["if"]
        assert checks[name]["with"]["environment"] == name
    assert workflow("deploy")["jobs"]["deploy"]["environment"] == "${{ inputs.environment }}"
    assert set(triggers("deploy")) == {"workflow_call", "workflow_dispatch"}


def test_only_a_deploy_knows_a_secret():
    """BUG-S3-10: forks are checked as we are, without any."""
    knowing = [job for job in workflow("checks")["jobs"].values() if "secrets" in str(job)]

    assert [job["uses"] for job in knowing] == ["./.github/workflows/deploy.yml"] * 2
    assert "secrets." not in (FOLDER / "checks.yml").read_text()
    for name in ("checks", "deploy"):
        assert workflow(name)["permissions"] == {"contents": "read"}
    assert all(step["with"]["persist-credentials"] is False for step in steps("checks") if "checkout" in str(step))


@pytest.mark.parametrize("hooks", ["", "web", "web worker beat"])
def test_the_deploy_step_calls_what_is_set_in_order(tmp_path, hooks):
    """The web service's first: its deploy migrates. Without any hook it says so and does nothing."""
    (step,) = [step for step in steps("deploy") if "run" in step]
    (tmp_path / "curl").write_text('#!/bin/sh\nfor last; do :; done\necho "$last"\n')
    (tmp_path / "curl").chmod(0o755)
    given = {name.upper(): f"https://hook/{name}?key=k" for name in hooks.split()}

    result = subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", step["run"]],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin", "WEB": "", "WORKER": "", "BEAT": "", "COMMIT": "abc", **given},
        capture_output=True,
        text=True,
    )

    called = [f"https://hook/{name}?key=k&ref=abc" for name in hooks.split()]
    assert result.returncode == 0
    assert result.stdout.splitlines() == (
        called or ["::notice::No deploy hook is set for this environment: nothing was deployed."]
    )


def test_pre_commit_runs_the_tools_of_make_lint():
    """S4-O7. Nothing is fetched: every hook is local, and its tool one of requirements-dev.txt."""
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    hooks = {hook["id"]: hook for repo in config["repos"] for hook in repo["hooks"]}

    valid = subprocess.run(
        [BIN / "pre-commit", "validate-config", ROOT / ".pre-commit-config.yaml"], capture_output=True, text=True
    )
    assert valid.returncode == 0, valid.stdout
    assert {repo["repo"] for repo in config["repos"]} == {"local"}
    assert {"ruff-format", "ruff", "black", "flake8", "imports"} <= set(hooks)
    tools = [hook["entry"].split()[0] for hook in hooks.values() if hook["language"] == "system"]
    assert [tool for tool in tools if not (BIN / Path(tool).name).exists()] == []


@pytest.mark.parametrize(("name", "is_refused"), [(".env", True), ("env/.env.prod", True), (".env.sample", False)])
def test_a_commit_holds_no_environment_file(name, is_refused):
    """BUG-S4-15."""
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    (hook,) = [hook for repo in config["repos"] for hook in repo["hooks"] if hook["id"] == "secrets"]

    refused = bool(re.search(hook["files"], name)) and not re.search(hook["exclude"], name)
    assert refused is is_refused

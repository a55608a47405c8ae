"""What a release makes of the console's styles and scripts."""

import re
import shutil
from pathlib import Path

from django.contrib.staticfiles import finders

from djangocrud.statics import NamedByContent


def test_modules_import_one_another_by_the_names_that_pages_use(tmp_path):
    """Else a page would load the shell twice, once by each name, and open its socket twice."""
    folder = Path(finders.find("console/shell.js")).parent
    shutil.copytree(folder, tmp_path / "console")
    storage = NamedByContent(location=str(tmp_path), base_url="/static/")
    paths = {f"console/{file.name}": (storage, f"console/{file.name}") for file in folder.iterdir()}

    for _, _, outcome in storage.post_process(paths):
        assert not isinstance(outcome, Exception), outcome

    for name in paths:
        named = tmp_path / storage.stored_name(name)
        imported = re.findall(r'from "\./([^"]+)"', named.read_text()) if name.endswith(".js") else []
        assert all(re.fullmatch(r"\w+\.[0-9a-f]{12}\.js", other) for other in imported)
        assert all((named.parent / other).exists() for other in imported)


def test_no_script_of_ours_writes_html():
    folder = Path(finders.find("console/shell.js")).parent

    for file in folder.glob("*.js"):
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function", _code(file))


def _code(file: Path) -> str:
    """Without the words that tell htmx how to swap what our templates escape."""
    return file.read_text().replace('swap: "innerHTML"', "")

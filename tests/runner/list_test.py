# SPDX-License-Identifier: Apache-2.0
"""moenda list: docs/routers.md knows every router and loss that a file can name."""
import pathlib
import re

from program import Place, end, expect

ROOT = pathlib.Path(__file__).resolve().parents[2]
PREFIXES = ["bias_balanced_", "mask_outputs_", "per_sequence_", "allow_future_leak_"]


def names_of(text):
    """What `moenda list` prints of routers and losses, without prefixes."""
    found = set()
    for line in text.splitlines():
        cells = re.split(r"  +", line.strip(), maxsplit=2)
        if len(cells) == 3 and cells[0] in ("router", "loss"):
            found.update(cells[2].split(", "))
    for prefix in PREFIXES:
        found = {name.removeprefix(prefix) for name in found}
    return found


with Place() as here:
    done = here.run("list")
    expect(done.returncode == 0, "list", done.stderr)
    names = names_of(done.stdout)
    expect({"top_k", "top_any", "uniform", "load_balancing", "entropy"} <= names, "list", names)
    page = (ROOT / "docs" / "routers.md").read_text()
    said = set(re.findall(r"`(\w+)`", page))
    for name in sorted(names):
        expect(name in said or f"{name}_..." in page, "docs/routers.md", f"must tell of {name}")
    for prefix in PREFIXES:
        expect(f"`{prefix}`" in page and prefix in done.stdout, "docs/routers.md", prefix)
end("list")

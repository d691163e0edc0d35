# SPDX-License-Identifier: Apache-2.0
"""Which kernels run: asked for, named by the environment, refused, noted in a run's files."""
import json
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

RUNNER = os.environ["MOENDA_RUNNER"]
LEVELS = ["portable", "avx2", "avx512", "avx512_bf16", "amx"]
CONFIG = """
[model]
d_model = 8
num_layers = 1
context_length = 8
[model.block.attention]
num_heads = 1
num_kv_heads = 1
head_dim = 8
[model.block.ffn]
type = "ffn"
hidden = 8
[tokenizer]
kind = "byte"
[data]
paths = ["text"]
split = "position"
[train]
steps = 4
batch_size = 1
[log]
checkpoint_every = 2
"""


class Kernels(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        (self.folder / "run.toml").write_text(CONFIG, encoding="utf-8")
        (self.folder / "text").mkdir()
        (self.folder / "text/a.txt").write_text("the mill grinds what it is given\n" * 60,
                                                encoding="utf-8")

    def run_moenda(self, *arguments, code=0, kernels=""):
        done = subprocess.run([RUNNER, *arguments], capture_output=True, text=True, check=False,
                              cwd=self.folder, env={**os.environ, "MOENDA_KERNELS": kernels})
        self.assertEqual(done.returncode, code, done.stderr)
        return done.stdout + done.stderr

    def run_folder(self):
        (path,) = self.folder.glob("runs/**/meta.json")
        return path.parent

    def test_the_machine_is_described(self):
        text = self.run_moenda("describe", "--machine")
        chosen = re.search(r"^kernels    (\w+): (.+)$", text, re.MULTILINE)
        self.assertIn(chosen[1], LEVELS)
        for level in LEVELS:
            self.assertRegex(text, rf"(?m)^{level} ")
        self.assertRegex(self.run_moenda("describe", "--machine", kernels="portable"),
                         r"kernels    portable: MOENDA_KERNELS names it")
        self.assertIn("--machine is needed", self.run_moenda("describe", code=2))

    def test_a_run_notes_its_kernels(self):
        self.run_moenda("train", "run.toml", "--compute.kernels=portable")
        meta = json.loads((self.run_folder() / "meta.json").read_text(encoding="utf-8"))
        self.assertEqual(meta["kernels"], {"level": "portable", "reason": "asked for"})

    def test_a_resumed_run_names_a_change(self):
        self.run_moenda("train", "run.toml", kernels="portable")
        run = self.run_folder()
        (run / "results.json").unlink()
        newest = sorted((run / "checkpoint").iterdir())[-1]
        state = (newest / "state.json").read_text(encoding="utf-8")
        self.assertIn('"kernels": "portable"', state)
        self.assertNotIn("kernels", self.run_moenda("train", "run.toml", kernels="portable"))
        (run / "results.json").unlink()
        # As of a version without them.
        state = re.sub(r',\n  "(text_hash|logs|weights)": [^,\n]+', "", state)
        (newest / "state.json").write_text(state.replace("portable", "avx9"), encoding="utf-8")
        self.assertIn("the steps before ran on avx9 kernels, from here on they run on portable ones",
                      self.run_moenda("train", "run.toml", kernels="portable"))
        # A checkpoint of a version that did not note them.
        (run / "results.json").unlink()
        (newest / "state.json").write_text(re.sub(r' *"kernels": "\w+",\n', "", state),
                                           encoding="utf-8")
        self.assertNotIn("kernels", self.run_moenda("train", "run.toml", kernels="portable"))

    def test_what_is_not_there_is_refused(self):
        self.assertIn("did you mean 'avx2'?",
                      self.run_moenda("train", "run.toml", "--compute.kernels=avx3", code=2))
        self.assertIn("MOENDA_KERNELS: must be one of auto, portable",
                      self.run_moenda("train", "run.toml", code=2, kernels="sse"))


if __name__ == "__main__":
    unittest.main()

# SPDX-License-Identifier: Apache-2.0
"""A text is read and tokenized in pieces: it need not fit into memory; one that must says so by name."""
import resource

from program import Place, end, expect

MEGABYTE = 1 << 20
COMMAND = ["train", "tiny.toml", "--threads=1", "--train.steps=1", "--data.paths=['large.txt']", "--data.split=position"]


def limited(megabytes):
    def restrict():
        resource.setrlimit(resource.RLIMIT_AS, (megabytes * MEGABYTE, megabytes * MEGABYTE))

    return restrict


with Place() as place:
    place.write("large.txt", b"o mar e a terra, casa e noite; dia e tempo.\n" * 2_400_000)  # 100 MB
    done = place.run(*COMMAND, preexec_fn=limited(200), timeout=120)
    expect(done.returncode == 0, "100 MB of text in 200 MB", f"{done.returncode}: {done.stderr}")
    place.write("large.txt", b"")
    with open(place.path / "large.txt", "r+b") as file:
        file.truncate(3 << 30)  # of zeros, which is text without a place to cut; takes no disk
    place.refused(3, "large.txt: reading it needs 3221225472 bytes of memory, and there is not as much", *COMMAND, "--name=zeros",
                  preexec_fn=limited(300))
    place.refused(3, "large.txt: reading it needs 3221225472 bytes", "train", "tiny.toml", "--train.steps=1",
                  "--evaluate.completions={kind='hellaswag', file='large.txt'}", "--name=n", preexec_fn=limited(300))
end("large text")

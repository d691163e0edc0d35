# SPDX-License-Identifier: Apache-2.0
"""tools/get_data openstax and hellaswag, from a server on this machine that stands in for GitHub."""
import bz2
import http.server
import io
import os
import pathlib
import subprocess
import sys
import tarfile
import tempfile
import threading

TOOL = pathlib.Path(__file__).resolve().parents[2] / "tools" / "get_data"
SUMMARY = "1.  [Second](contents/b.md)\n    1.  [First](contents/a.md)\n"
CHAPTER = '''---
title: "West Africa"
layout: page
---

<div data-type="abstract" markdown="1">
You will be able to:
* Locate *two* **empires**{: data-type="term"}
* Read [The Role of Islam][1] (no link)

</div>
# AN EMPIRE
Ghana ([\\[link\\]](#CNX_1)) traded &amp; fought for \\_\\_\\_.

 ![A map shows.](../resources/1.jpg "This map (of 1492) shows empires."){: #CNX_1}
<span data-alt=" "> ![ ](../resources/2.png) </span>

1.  Cairo
2.  Mali
{: data-number-style="upper-alpha"}

[1]: http://example.org/l
'''
PLAIN = ["West Africa", "You will be able to:", "* Locate two empires", "* Read The Role of Islam (no link)",
         "AN EMPIRE", "Ghana traded & fought for ___.", "This map (of 1492) shows empires.", "1. Cairo", "2. Mali"]


def archive():
    """A book of two chapters as GitHub packs a repository."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, text in [("SUMMARY.md", SUMMARY), ("contents/a.md", CHAPTER),
                           ("contents/b.md", CHAPTER.replace("West Africa", "Introduction"))]:
            data = text.encode()
            entry = tarfile.TarInfo(f"some-book-0123/{name}")
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return packed.getvalue()


class Server(http.server.BaseHTTPRequestHandler):
    answers = {}

    def do_GET(self):
        found = next((data for part, data in self.answers.items() if part in self.path), None)
        self.send_response(404 if found is None else 200)
        self.end_headers()
        self.wfile.write(found or b"")

    def log_message(self, *_):
        pass


def run(server, *arguments):
    address = f"http://127.0.0.1:{server.server_port}"
    environment = {**os.environ, "GITHUB_ARCHIVES_URL": address, "GITHUB_FILES_URL": address}
    environment.pop("MOENDA_DATA", None)
    return subprocess.run([sys.executable, str(TOOL), *arguments], env=environment, text=True,
                          capture_output=True, timeout=60)


def main():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as place:
        folder = pathlib.Path(place)
        missing = run(server, "openstax", place)
        assert missing.returncode == 1 and "Not Found" in missing.stderr, missing
        assert not list(folder.iterdir()), "nothing may be left of a download that failed"
        Server.answers = {"-book/tar.gz/": archive(), ".bz2": bz2.compress(b"changed")}
        done = run(server, "openstax", place)
        assert done.returncode == 0, done
        books = sorted(file.name for file in (folder / "en-openstax").iterdir())
        assert len(books) == 11 and "us-history.txt" in books and "SOURCE.txt" in books, books
        chapters = (folder / "en-openstax" / "us-history.txt").read_text().split("\n\n\n")
        assert [chapter.split("\n")[0] for chapter in chapters] == ["Introduction", "West Africa"], chapters
        assert chapters[1].strip().split("\n\n") == PLAIN, chapters[1]
        again = run(server, "openstax", place)
        assert again.returncode == 0 and "is there already" in again.stdout, again
        changed = run(server, "hellaswag", place)
        assert changed.returncode == 1 and "must have d572" in changed.stderr, changed
        assert not (folder / "hellaswag").exists(), "a changed file must not be kept"
    server.shutdown()
    print("get_data: passed")


if __name__ == "__main__":
    main()

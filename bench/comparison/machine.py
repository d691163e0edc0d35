# SPDX-License-Identifier: Apache-2.0
"""What surrounds the measurements: building, the description of the machine, saved results."""
import datetime
import json
import os
import pathlib
import platform
import re
import subprocess

TARGETS = ["bench_train_step", "bench_moe_layer", "bench_roofline", "bench_decode"]


class Problem(Exception):
    """A sentence for the user."""


def clean_environment(more=None):
    """This environment without the variables that pin a BLAS to one processor type."""
    kept = {k: v for k, v in os.environ.items()
            if k not in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "LD_PRELOAD", "GLIBC_TUNABLES")}
    return {**kept, **(more or {})}


def output_of(*command):
    """What a command prints, or nothing when it fails."""
    try:
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()


def build(root, folder):
    """Builds the programs that are measured, and says how."""
    configure = ["cmake", "--preset", "release", "-DMOENDA_BUILD_BENCH=ON"]
    if folder != root / "build/release":
        configure = ["cmake", "-S", root, "-B", folder, "-DMOENDA_BUILD_BENCH=ON"]
    for command in (configure, ["cmake", "--build", folder, "--target", *TARGETS]):
        print("$", *command, flush=True)
        done = subprocess.run(list(map(str, command)), cwd=root, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode != 0:
            raise Problem(f"the build failed:\n{done.stdout[-3000:]}")


def torch_version(python):
    done = None
    try:
        done = subprocess.run([python, "-c", "import torch; print(torch.__version__)"],
                              capture_output=True, text=True, env=clean_environment(), check=False)
    except OSError:
        pass
    if done is None or done.returncode != 0:
        raise Problem(
            f"there is no PyTorch in {python}. Make one with\n"
            "  python3 -m venv build/peers && "
            "build/peers/bin/pip install -r bench/peers/requirements.txt\n"
            "and give --python build/peers/bin/python, or measure Moenda alone with --ours.")
    return done.stdout.strip()


def preload_library(root, folder):
    """The library of bench/peers/mkl_vendor.c, built anew."""
    folder.mkdir(parents=True, exist_ok=True)
    library = folder / "mkl_vendor.so"
    command = ["cc", "-shared", "-fPIC", "-o", library, root / "bench/peers/mkl_vendor.c"]
    print("$", *command, flush=True)
    try:
        subprocess.run(list(map(str, command)), check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise Problem(f"the tuned forms need a C compiler ({error}); leave them out with "
                      "--forms eager,compile") from error
    return library.resolve()


def first_match(path, pattern):
    try:
        found = re.search(pattern, pathlib.Path(path).read_text(errors="replace"), re.MULTILINE)
    except OSError:
        return ""
    return found.group(1).strip() if found else ""


def roofline(folder):
    """{row name: [one thread, all threads]} as bench_roofline prints it."""
    rows = {}
    for line in output_of(folder / "bench/bench_roofline").splitlines():
        found = re.match(r"(\S.*?)\s+([GT]\S+/s)\s+([\d.]+)\s+([\d.]+)$", line)
        if found:
            name = " ".join(found.group(1).split())
            rows[name] = [float(found.group(3)), float(found.group(4))]
    return rows


def describe(root, folder, torch):
    cache = folder / "CMakeCache.txt"
    build_type = first_match(cache, r"^CMAKE_BUILD_TYPE:\w+=(.*)$")
    compiler = first_match(cache, r"^CMAKE_CXX_COMPILER:\w+=(.*)$")
    flags = first_match(cache, rf"^CMAKE_CXX_FLAGS_{build_type.upper()}:\w+=(.*)$")
    return {
        "date": datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
        "processor": first_match("/proc/cpuinfo", r"^model name\s*:\s*(.*)$")
        or platform.processor() or platform.machine(),
        "processors": os.cpu_count(),
        "memory_gb": round(int(first_match("/proc/meminfo", r"^MemTotal:\s*(\d+)") or 0) / 1e6, 1),
        "system": platform.platform(),
        "compiler": output_of(compiler, "--version").splitlines()[0] if compiler else "",
        "flags": flags,
        "commit": output_of("git", "-C", root, "describe", "--always", "--dirty"),
        "torch": torch,
        "roofline": roofline(folder),
    }


def load(folder):
    path = folder / "results.json" if folder.is_dir() else folder
    try:
        return json.loads(path.read_text())
    except (OSError, json.JSONDecodeError) as error:
        raise Problem(f"{path} holds no results: {error}") from error


def save(folder, results, page):
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in (("results.json", json.dumps(results, indent=1)), ("results.md", page)):
        unfinished = folder / (name + ".part")
        unfinished.write_text(text + "\n")
        unfinished.replace(folder / name)

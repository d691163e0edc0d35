# SPDX-License-Identifier: Apache-2.0
"""However little memory there is when the program starts, it ends with a sentence."""
import resource

from program import Place, end, expect


def ended(place, kilobytes):
    """The exit code with so much memory; None where the system cannot even start the program."""

    def restrict():
        resource.setrlimit(resource.RLIMIT_AS, (kilobytes << 10, kilobytes << 10))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    try:
        done = place.run("train", "tiny.toml", "--threads", 1, preexec_fn=restrict)
    except OSError:
        return None
    loaded = done.returncode != 127 and (done.returncode != -11 or done.stderr)  # else: the system's loader
    if not loaded:
        return None
    where = f"{kilobytes} KB"
    expect(done.returncode in (0, 3), where, f"{done.returncode}: {done.stderr}")
    if done.returncode == 3:
        expect("moenda: " in done.stderr, where, done.stderr)
    return done.returncode


with Place() as place:
    least = next(limit for limit in range(3_000, 100_000, 250) if ended(place, limit) is not None)
    codes = {ended(place, limit) for limit in [*range(least - 250, least + 2_000, 20),
                                               *range(least + 2_000, least + 40_000, 1_000), 400_000]}
    expect(0 in codes and 3 in codes, "limits", f"must meet both ends, got {codes}")
end("little memory")

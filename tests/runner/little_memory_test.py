# SPDX-License-Identifier: Apache-2.0
"""However little memory there is when the program starts, it ends with a sentence."""
import resource

from program import Place, end, expect


def check_start(place):
    """The limits lie from where the system cannot load the program to where it has what it needs."""
    ended = {}
    for kilobytes in [*range(3_000, 24_000, 250), *range(24_000, 200_000, 8_000)]:

        def restrict(limit=kilobytes << 10):
            resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

        try:
            done = place.run("describe", "tiny.toml", preexec_fn=restrict)
        except OSError:
            continue  # not even the program fits
        ended.setdefault(done.returncode, []).append(kilobytes)
        where = f"{kilobytes} KB"
        # 127: the system's loader; -11: the system has no room for the program's stack.
        loads = done.returncode not in (127, -9, -11)
        if loads:
            expect(done.returncode in (0, 3), where, f"{done.returncode}: {done.stderr}")
        if done.returncode == 3:
            expect(done.stderr.startswith("moenda: "), where, done.stderr)
        expect("terminate" not in done.stderr, where, done.stderr)
    expect(0 in ended and 3 in ended, "limits", f"must meet both ends, got {list(ended)}")
    expect(not set(ended.get(-11, [])) & set(range(12_000, 200_000)), "limits", ended.get(-11))


with Place() as place:
    check_start(place)
end("little memory")

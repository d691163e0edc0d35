# SPDX-License-Identifier: Apache-2.0
"""A few of the system calls of a whole `moenda train` fail; tools/faults lets each of them fail."""
import sys

from faults import Faults, faults_of, spread, why_not
from program import Place, end, failures

with Place() as place:
    if reason := why_not():
        print("skipped:", reason)
        sys.exit(77)
    faults = Faults(place)
    for call in spread(faults.calls, 34):
        for fault in faults_of(call):
            faults.attempt(call, fault)
    print(f"{sum(map(sum, faults.counts.values()))} faults")
    failures += faults.failures
    faults.remove()
end("faults")

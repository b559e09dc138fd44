#!/usr/bin/env python3
"""bench-verify.py CHANCERY LOGS: `log verify` of what audit_logs made, with signatures and without, as two lines of results."""
import json
import resource
import subprocess
import sys


def measured(program, logs, *more):
    """The report, and what the process took: its peak of memory is that of the largest child so far, so children come smallest first."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([program, "log", "verify", logs + "/export", "--trusted-root", logs + "/trust/trusted_root.json",
                           "--keys", logs + "/trust/log-keys.txt", "--format", "json", *more], stdout=subprocess.PIPE)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode > 1:
        sys.exit(done.returncode)  # it has said why
    report = json.loads(done.stdout)
    if not report["verified"]:
        sys.exit(f"these logs are right, and the audit found {report['findings_by_id']}")
    return {"size": report["certificates"]["size"], "signatures": report["signatures_checked"], "seconds": report["seconds"],
            "cpu_seconds": report["cpu_seconds"], "alone_seconds": report["signatures_alone_seconds"],
            "alone_cpu_seconds": report["signatures_alone_cpu_seconds"], "system_seconds": after.ru_stime - before.ru_stime,
            "rss_mb": after.ru_maxrss / 1024}


def main():
    program, logs = sys.argv[1:]
    for more in (["--no-signatures"], []):
        print(json.dumps({"kind": "verify", "value": measured(program, logs, *more)}))


if __name__ == "__main__":
    main()

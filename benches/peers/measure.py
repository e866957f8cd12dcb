"""Runs a piece of work in a child process and says how long it took and how much memory it needed at most."""

import importlib.metadata
import json
import os
import subprocess
import sys
import time


def child(argv):
    """Runs a command, gives its standard output, and time, processor time and peak memory of it alone.

    Children that the command itself starts are counted in the processor time once they have ended; the peak is that of the
    largest single process.
    """
    began = time.monotonic()
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        out = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.monotonic() - began
    if process.returncode != 0:
        raise SystemExit(f"{argv[0]} ended with {process.returncode}")
    return out, {
        "seconds": round(seconds, 3),
        "processor_seconds": round(usage.ru_utime + usage.ru_stime, 3),
        # Kilobytes on Linux, bytes on macOS.
        "peak_mib": round(usage.ru_maxrss / (1024 if sys.platform != "darwin" else 1024**2), 1),
    }


def this_script(script, *args):
    """Runs a Python script with this interpreter, as `child` does; what it prints last must be JSON."""
    out, cost = child([sys.executable, script, *args])
    return json.loads(out.strip().splitlines()[-1]), cost


def version(package):
    """Version of an installed package."""
    return importlib.metadata.version(package)


def machine():
    """What figures mean only together with."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    return {"processors": os.cpu_count(), "load": load, "python": sys.version.split()[0]}

"""Run benchmarks: ``python -m benchmarks [--quick] [NAME…]``."""

import argparse
import importlib
import os
import pkgutil
import platform
import sys
from pathlib import Path

import benchmarks

RESULTS = Path(__file__).parent / "results.md"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="modules of this folder; all when none is given")
    parser.add_argument("--quick", action="store_true", help="less repetition; does not write results.md")
    options = parser.parse_args()
    names = options.names or sorted(module.name for module in pkgutil.iter_modules(benchmarks.__path__))
    lines = ["| benchmark | what | value | unit | beside |", "| --- | --- | ---: | --- | --- |"]
    for name in names:
        module = importlib.import_module(f"benchmarks.{name}")
        if not hasattr(module, "figures"):
            continue
        print(f"{name} …", file=sys.stderr, flush=True)
        for figure in module.figures(quick=options.quick):
            lines.append(f"| {name} | {figure.what} | {figure.value:,.4g} | {figure.unit} | {figure.beside} |")
            print(lines[-1], file=sys.stderr, flush=True)
    table = "\n".join(lines)
    print(table)
    if not options.quick:
        RESULTS.write_text(f"# Results\n\n{_machine()}\n\n{table}\n")


def _machine() -> str:
    machine = f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores"
    return f"{machine}. Compare within one benchmark only."


if __name__ == "__main__":
    main()

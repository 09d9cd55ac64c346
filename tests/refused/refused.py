"""Shows that what must not build does not build.

Each .cpp here names on its first lines what it `uses:` (modules) and the message it is `refused:` with. It must compile as it stands, so that
nothing but the planted line can be the reason, and must fail with that message when REFUSED is defined.
Planted modules show that a layer violation stops the configuration.
"""
import argparse
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).parent


def compile_file(options, path: pathlib.Path, uses, refused: bool):
    command = [options.compiler, "-std=c++20", "-fsyntax-only", str(path)]
    for module in uses:
        command += ["-I", f"{options.build}/include/{module}", "-I", f"{options.build}/generated/{module}"]
    if refused:
        command.append("-DREFUSED")
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def check_file(options, path: pathlib.Path) -> list[str]:
    text = path.read_text(encoding="utf-8")
    uses = re.search(r"^// uses: (.*)$", text, re.M).group(1).split()
    message = re.search(r"^// refused: (.*)$", text, re.M).group(1)
    honest = compile_file(options, path, uses, refused=False)
    if honest.returncode != 0:
        return [f"{path.name}: does not compile even without the forgery:\n{honest.stderr[:2000]}"]
    forged = compile_file(options, path, uses, refused=True)
    if forged.returncode == 0:
        return [f"{path.name}: the forgery compiles"]
    if not re.search(message, forged.stderr):
        return [f"{path.name}: refused, but not with '{message}':\n{forged.stderr[:2000]}"]
    return []


PLANTED = {
    "upwards": ("module 'low' \\(10\\) may not use 'high' \\(20\\)", "vedette_module(high 20 SOURCES a.cpp)\nvedette_module(low 10 SOURCES a.cpp USES high)"),
    "sideways": ("module 'left' \\(10\\) may not use 'right' \\(10\\)", "vedette_module(right 10 SOURCES a.cpp)\nvedette_module(left 10 SOURCES a.cpp USES right)"),
    "unknown": ("which is no module", "vedette_module(alone 10 SOURCES a.cpp USES nobody)"),
}


def check_planted(options, name: str) -> list[str]:
    message, modules = PLANTED[name]
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        (root / "a.cpp").write_text("int a_symbol;\n")
        text = ("cmake_minimum_required(VERSION 3.25)\nproject(Planted CXX)\nset(BUILD_TESTING OFF)\nadd_library(vedette_flags INTERFACE)\n"
                f"add_library(vedette_nobody INTERFACE)\ninclude({options.source}/cmake/VedetteModules.cmake)\n{modules}\nvedette_check_layers()\n")
        (root / "CMakeLists.txt").write_text(text)
        done = subprocess.run(["cmake", "-S", folder, "-B", f"{folder}/build"], capture_output=True, text=True, timeout=120)
        said = " ".join((done.stdout + done.stderr).split())
        if done.returncode == 0:
            return [f"planted '{name}': configures"]
        if not re.search(message, said):
            return [f"planted '{name}': stopped, but not with '{message}':\n{said[-1500:]}"]
    return []


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("--compiler", "--build", "--source"):
        parser.add_argument(name, required=True)
    options = parser.parse_args()
    faults, checked = [], 0
    for path in sorted(HERE.glob("*.cpp")):
        faults += check_file(options, path)
        checked += 1
    for name in PLANTED:
        faults += check_planted(options, name)
        checked += 1
    print("\n".join(faults) or f"{checked} things that must not build do not build")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())

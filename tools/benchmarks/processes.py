"""The programs that tools/bench asks in turn: ours and the peers'."""
import json
import os
import shutil
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
PEER = os.path.join(HERE, "peer.py")


class Process:
    """A program that answers each line with a line of JSON."""

    def __init__(self, command, env):
        self.child = subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, line):
        self.child.stdin.write(line + "\n")
        self.child.stdin.flush()
        answer = self.child.stdout.readline()
        if not answer:
            raise SystemExit(f"tools/bench: a benchmark process ended while it was asked '{line}'")
        answer = json.loads(answer)
        if isinstance(answer, dict) and "error" in answer:
            raise SystemExit(f"tools/bench: {answer['error']} (asked '{line}')")
        return answer

    def close(self):
        self.child.stdin.close()
        self.child.wait()


def has_avx512():
    try:
        with open("/proc/cpuinfo") as f:
            return "avx512f" in f.read()
    except OSError:
        return False


def environment(threads, whose="ours"):
    """Of our process, of a peer as it is installed ("peer"), or of one with what is best for it, as far as that is known
    ("tuned peer"): an allocator that keeps its pages, and AVX-512, which Debian's build does not take of itself."""
    env = dict(os.environ)
    if whose == "ours":
        env["GRADUS_THREADS"] = str(threads)
        return env
    for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
        env.pop(name, None)
    if whose == "tuned peer":
        env.update(OMP_NUM_THREADS=str(threads), OMP_PROC_BIND="true", MALLOC_MMAP_MAX_="0",
                   MALLOC_TRIM_THRESHOLD_="100000000000", MALLOC_TOP_PAD_="268435456")
        if has_avx512():
            env["ATEN_CPU_CAPABILITY"] = "avx512"
    return env


def has_torch(python):
    """And it sees our script."""
    return bool(shutil.which(python)) and subprocess.run(
        [python, "-c", "import sys, torch; open(sys.argv[1])", PEER], stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL).returncode == 0

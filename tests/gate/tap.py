"""TAP of this folder's tests: points as they come, the plan and the exit status at the end."""
import sys

number = failed = 0


def check(good, text, output=""):
    global number, failed
    number += 1
    failed += not good
    for line in output.splitlines() if not good else []:
        print("# " + line)
    print(f"{'ok' if good else 'not ok'} {number} - {text}", flush=True)


def done():
    print(f"1..{number}")
    sys.exit(1 if failed else 0)

import sys
from pathlib import Path

# The benchmarks are no part of what is installed.
sys.path.append(str(Path(__file__).resolve().parents[3]))

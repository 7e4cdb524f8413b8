"""Speed and memory, each against something a user would run instead: `python -m benchmarks.speed`."""

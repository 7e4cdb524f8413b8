"""Speed and memory: each row is the ratio of two things that are measured in turn, ours and a baseline."""

"""Tests of the harness: `cd Benchmarks && python3 -m unittest`."""

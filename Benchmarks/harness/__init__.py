"""The benchmark's harness: starts peers and the swarm, samples /proc, writes tables. Python 3.9, standard library only."""

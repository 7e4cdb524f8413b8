"""Which tokens write a string that begins here? All tokens of a vocabulary in one trie over bytes, walked by many
walkers at once."""

from collections.abc import Sequence

import numpy

from ....arrays import expand_ranges

# A sign that no token writes: behind it, nothing is found.
NOWHERE = 256
_SIGNS = 257


class TokenTrie:
    """Nodes are numbered level by level: first the roots, then all nodes one byte below a root, and so on. The edges
    are one sorted array, so that a step of any number of walkers is one binary search.

    written (Sequence[dict[int, bytes]]): For every root, what each token writes.
    """

    def __init__(self, written: Sequence[dict[int, bytes]]):
        tokens = [token for of_root in written for token in of_root]
        strings = [string for of_root in written for string in of_root.values()]
        lengths = numpy.fromiter(map(len, strings), numpy.int64, len(strings))
        begins = numpy.cumsum(lengths) - lengths
        data = numpy.frombuffer(b"".join(strings), dtype=numpy.uint8)
        nodes = numpy.repeat(numpy.arange(len(written)), [len(of_root) for of_root in written])
        keys, size = [], len(written)
        for depth in range(int(lengths.max(initial=0))):
            longer = numpy.flatnonzero(lengths > depth)
            level, place = numpy.unique(nodes[longer] * _SIGNS + data[begins[longer] + depth], return_inverse=True)
            nodes[longer] = size + place
            keys.append(level)
            size += len(level)
        self.roots = len(written)
        self._keys = numpy.concatenate(
            [*keys, numpy.asarray([size * _SIGNS])]
        )  # the last stops a search beyond the end
        order = numpy.argsort(nodes, kind="stable")
        self._tokens = numpy.asarray(tokens, dtype=numpy.int64)[order]
        self.counts = numpy.bincount(nodes, minlength=size)
        self._firsts = numpy.cumsum(self.counts) - self.counts
        self.grows = numpy.zeros(size, dtype=bool)
        self.grows[self._keys[:-1] // _SIGNS] = True

    def children(self, nodes: numpy.ndarray, signs: numpy.ndarray) -> numpy.ndarray:
        """Step down.

        nodes (numpy.ndarray): The current node of each walker, shape (walkers,).
        signs (numpy.ndarray): The byte that each reads, or NOWHERE; shape (walkers,).
        RETURNS (numpy.ndarray): The next nodes, -1 where there is no edge; shape (walkers,).
        """
        wanted = nodes * _SIGNS + signs
        places = numpy.searchsorted(self._keys, wanted)
        return numpy.where(self._keys[places] == wanted, places + self.roots, -1)

    def tokens(self, nodes: numpy.ndarray) -> numpy.ndarray:
        """The tokens that end at some nodes.

        nodes (numpy.ndarray): Shape (nodes,).
        RETURNS (numpy.ndarray): `counts[node]` tokens for each node, in the order of the nodes.
        """
        return self._tokens[expand_ranges(self._firsts[nodes], self.counts[nodes])]

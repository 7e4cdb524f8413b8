"""All tokens of a vocabulary in a trie over bytes, to find many tokens at once."""

from collections.abc import Sequence

import numpy

from ....arrays import expand_ranges

# The sign after the end of a text, which no token contains.
NOWHERE = 256
_SIGNS = 257


class TokenTrie:
    """A trie with several roots. Nodes are numbered level by level: first the roots, then all nodes one byte below a
    root, and so on. The edges are one sorted array, so that a step from any number of nodes is one binary search.

    written (Sequence[dict[int, bytes]]): For each root, the strings of the tokens.
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
            level, position = numpy.unique(nodes[longer] * _SIGNS + data[begins[longer] + depth], return_inverse=True)
            nodes[longer] = size + position
            keys.append(level)
            size += len(level)
        self.roots = len(written)
        # The last key stops a search at the end.
        self._keys = numpy.concatenate([*keys, numpy.asarray([size * _SIGNS])])
        order = numpy.argsort(nodes, kind="stable")
        self._tokens = numpy.asarray(tokens, dtype=numpy.int64)[order]
        self.counts = numpy.bincount(nodes, minlength=size)
        self._firsts = numpy.cumsum(self.counts) - self.counts
        self.grows = numpy.zeros(size, dtype=bool)
        self.grows[self._keys[:-1] // _SIGNS] = True

    def children(self, nodes: numpy.ndarray, signs: numpy.ndarray) -> numpy.ndarray:
        """Find child nodes.

        nodes (numpy.ndarray): The nodes, shape (nodes,).
        signs (numpy.ndarray): The byte of each edge, or NOWHERE; shape (nodes,).
        RETURNS (numpy.ndarray): The children, -1 where there is no edge; shape (nodes,).
        """
        wanted = nodes * _SIGNS + signs
        positions = numpy.searchsorted(self._keys, wanted)
        return numpy.where(self._keys[positions] == wanted, positions + self.roots, -1)

    def all_children(self, nodes: numpy.ndarray) -> tuple[numpy.ndarray, numpy.ndarray, numpy.ndarray]:
        """Find all child nodes.

        nodes (numpy.ndarray): The nodes, shape (nodes,).
        RETURNS (tuple[numpy.ndarray, numpy.ndarray, numpy.ndarray]): For each child, the index of its node in `nodes`,
            the byte of the edge, and the child.
        """
        firsts = numpy.searchsorted(self._keys[:-1], nodes * _SIGNS)
        counts = numpy.searchsorted(self._keys[:-1], (nodes + 1) * _SIGNS) - firsts
        positions = expand_ranges(firsts, counts)
        rows = numpy.repeat(numpy.arange(len(nodes)), counts)
        return rows, self._keys[positions] % _SIGNS, positions + self.roots

    def tokens(self, nodes: numpy.ndarray) -> numpy.ndarray:
        """Find the tokens that end at nodes.

        nodes (numpy.ndarray): The nodes, shape (nodes,).
        RETURNS (numpy.ndarray): `counts[node]` tokens for each node, in the order of the nodes.
        """
        return self._tokens[expand_ranges(self._firsts[nodes], self.counts[nodes])]

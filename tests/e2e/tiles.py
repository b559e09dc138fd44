"""Tiles read from their specifications (C2SP tlog-tiles, static-ct-api), sharing no code with the server."""
import struct

import rfc6962


def path(index):
    """1234067 is x001/x234/067."""
    groups = [f"{index % 1000:03}"]
    while index := index // 1000:
        groups.insert(0, f"x{index % 1000:03}")
    return "/".join(groups)


def name(kind, index, width=256):
    """Of a level (a number), "data", "entries" or "names"."""
    return f"tile/{kind}/{path(index)}" + ("" if width == 256 else f".p/{width}")


def widths(count):
    """Index and width of each tile that `count` hashes or entries are in."""
    return [(first // 256, min(256, count - first)) for first in range(0, count, 256)]


def hash_tiles(size):
    """The name of each hash tile of a tree of `size` leaves, with level, index and width."""
    level = 0
    while size >> 8 * level:
        for index, width in widths(size >> 8 * level):
            yield name(level, index, width), level, index, width
        level += 1


def split(data, size=32):
    assert len(data) % size == 0
    return [data[at:at + size] for at in range(0, len(data), size)]


def read_tree(fetch, size):
    """The leaf hashes of a tree, every tile of every level fetched and checked against the one below."""
    levels = {}
    for file, level, _, width in hash_tiles(size):
        hashes = split(fetch(file))
        assert len(hashes) == width
        levels.setdefault(level, []).extend(hashes)
    for level in range(1, len(levels)):
        below = levels[level - 1]
        assert levels[level] == [rfc6962.root_of(below[at:at + 256]) for at in range(0, len(below) - 255, 256)]
    return levels.get(0, [])


def read_data(tile):
    """static-ct-api TileLeaf: (MerkleTreeLeaf, precertificate, fingerprints of its chain)."""
    while tile:
        _, kind = struct.unpack(">QH", tile[:10])
        assert kind == 1, "not a precert_entry"
        end = 45 + int.from_bytes(tile[42:45], "big")
        end += 2 + int.from_bytes(tile[end:end + 2], "big")
        leaf, tile = b"\0\0" + tile[:end], tile[end:]
        size = int.from_bytes(tile[:3], "big")
        precertificate, tile = tile[3:3 + size], tile[3 + size:]
        size = int.from_bytes(tile[:2], "big")
        chain, tile = split(tile[2:2 + size]), tile[2 + size:]
        yield leaf, precertificate, chain


def read_bundle(tile):
    """tlog-tiles: each entry after its length."""
    while tile:
        size = int.from_bytes(tile[:2], "big")
        assert len(tile) >= 2 + size
        yield tile[2:2 + size]
        tile = tile[2 + size:]

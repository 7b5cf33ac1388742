"""A believable small world: two buyers, three suppliers, twenty machines, six months up to today. All of it made up.

It is played through the same operations as real use, with the clock moved day by day, so that every row, letter and
audit entry of it is what the portal itself would have written.
"""

from portal.demo.play import load, sign_ins

__all__ = ["load", "sign_ins"]

"""A believable small world: three buyers, six suppliers, sixty machines, fourteen months up to today. All made up.

It is played through the same operations as real use, with the clock moved day by day, so that every row, letter and
audit entry of it is what the portal itself would have written.
"""

from portal.demo.play import load, sign_ins

__all__ = ["load", "sign_ins"]

"""Filling in a report: drafts, lines, reasons, evidence, and the Excel way in."""

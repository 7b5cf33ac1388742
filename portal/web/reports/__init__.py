"""Pages of reports: filling in, grid, Excel, signing, reviewing, comments, chasing, exports."""
